"""Words that campaign files may use, each one SQL file: what a folder holds is the vocabulary. Below every stage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from lifecycle_mail.settings import INCLUDE

EXITS = "journeys/exits"
CONDITIONS = "decisions/conditions"
# No import of `database`: campaign files are parsed by the dag-processor, which stays light.
SQL_FOLDER = INCLUDE / "sql"


@dataclass(frozen=True)
class Word:
    """One word: its file below include/sql, without its ending."""

    file: str

    @cached_property
    def header(self) -> Mapping[str, str]:
        """What the header says, by key. It is read when it is first asked for: who only names words reads no file."""
        return _header((SQL_FOLDER / f"{self.file}.sql").read_text(encoding="utf-8"))

    @property
    def always_applies(self) -> bool:
        """Whether it counts for campaigns that do not name it, too."""
        return self.header.get("applies") == "always"


@cache
def words_of(folder: str) -> dict[str, Word]:
    """Return the words of a folder below include/sql, in the order of their names."""
    files = sorted((SQL_FOLDER / folder).glob("*.sql"))
    return {file.stem: Word(f"{folder}/{file.stem}") for file in files}


def _header(text: str) -> dict[str, str]:
    """Return the comment lines a file begins with, by key: `-- key: value`, continued by indented lines."""
    found: dict[str, str] = {}
    key = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        named = re.match(r"-- ([a-z-]+): (.*)", line)
        if named:
            key = named[1]
        found[key] = f"{found.get(key, '')} {named[2] if named else line.removeprefix('--').strip()}".strip()
    return found


@dataclass(frozen=True)
class WordOf:
    """Marks the type of a word of a folder, for a model: another word is refused like a wrong choice."""

    folder: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._known, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": list(words_of(self.folder))}

    def _known(self, word: str) -> str:
        if word not in words_of(self.folder):
            raise PydanticKnownError("literal_error", {"expected": ", ".join(words_of(self.folder))})
        return word
