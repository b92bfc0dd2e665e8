"""Words that campaign files may use.

Each is one SQL file, and the files of a folder are its vocabulary. Below every stage.
"""

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
GOALS = "kpis/goals"
RECOMMENDATIONS = "segments/recommendations"
# `database` is not imported here: the dag-processor parses campaign files and must stay light.
SQL_FOLDER = INCLUDE / "sql"


@dataclass(frozen=True)
class Word:
    """One word: its file below include/sql, without its ending."""

    file: str

    @cached_property
    def header(self) -> Mapping[str, str]:
        """The keys and texts of the header. It is read at its first use, so listing the words reads no file."""
        return _header((SQL_FOLDER / f"{self.file}.sql").read_text(encoding="utf-8"))

    @property
    def always_applies(self) -> bool:
        """Whether the word also applies to campaigns that do not name it."""
        return self.header.get("applies") == "always"


@cache
def words_of(folder: str) -> dict[str, Word]:
    """Return the words of a folder below include/sql, in the order of their names."""
    files = sorted((SQL_FOLDER / folder).glob("*.sql"))
    return {file.stem: Word(f"{folder}/{file.stem}") for file in files}


def _header(text: str) -> dict[str, str]:
    """Return the comment lines at the beginning of a file, by key: `-- key: value`, continued by indented lines."""
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
    """Marks the type of a folder's word in a model: another word is refused like a wrong choice."""

    folder: str
    also: tuple[str, ...] = ()  # further words, which are no files

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._known, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": [*self.also, *words_of(self.folder)]}

    def _known(self, word: str) -> str:
        if word not in self.also and word not in words_of(self.folder):
            raise PydanticKnownError("literal_error", {"expected": ", ".join([*self.also, *words_of(self.folder)])})
        return word
