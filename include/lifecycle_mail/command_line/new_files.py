"""Files that `segment new` and `campaign new` write: all of them or none, and none over a file that is there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lifecycle_mail.campaigns.patterns import IN_WORDS, NAME
from lifecycle_mail.errors import LifecycleError
from lifecycle_mail.settings import INCLUDE

BLUEPRINTS = INCLUDE / "blueprints"


def blueprint(file: str, **words: str) -> str:
    """Return the text of a file below include/blueprints, with each of `words` replaced by its value, a plain word."""
    text = (BLUEPRINTS / file).read_text(encoding="utf-8")
    for word, value in words.items():
        text = re.sub(rf"\b{word}\b", value, text)
    return text


def require_name(name: str) -> None:
    """Do nothing if `name` is a plain word, as segments and campaigns are called (LifecycleError otherwise)."""
    if not re.fullmatch(NAME, name):
        raise LifecycleError(f"'{name}' is no name: {IN_WORDS[NAME]}")


def write_new(files: Mapping[Path, str], changed: Mapping[Path, str] | None = None) -> None:
    """Write new files, then the new texts of files that are there. If one cannot be written, nothing is left of it.

    Raises:
        LifecycleError: a file is there already, or cannot be written.
    """
    written: list[Path] = []
    folders: list[Path] = []
    before: dict[Path, bytes] = {}
    try:
        for path in files:
            if path.exists():
                raise LifecycleError(f"{shown(path)} is there already: choose another name, or edit that file")
        before |= {path: path.read_bytes() for path in changed or {}}
        for path, text in files.items():
            folders += [one for one in path.parents if not one.exists()]
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            path.write_text(text, encoding="utf-8")
        for path, text in (changed or {}).items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        _undo(written, folders, before)
        where = shown(Path(error.filename)) if error.filename else "a file"
        raise LifecycleError(
            f"nothing was written, because {where} cannot be ({error.strerror}): run this in a copy of the repository "
            "that you may write to"
        ) from None


def _undo(written: list[Path], folders: list[Path], before: Mapping[Path, bytes]) -> None:
    for path in written:
        path.unlink(missing_ok=True)
    for folder in sorted(set(folders), key=lambda one: len(one.parts), reverse=True):
        with suppress(OSError):
            folder.rmdir()
    for path, content in before.items():
        with suppress(OSError):
            if path.read_bytes() != content:
                path.write_bytes(content)


def shown(path: Path) -> str:
    """Return a path as a reader can use it: from the present folder if it lies there, else whole."""
    present = Path(os.getcwd())
    return str(path.relative_to(present)) if path.is_relative_to(present) else str(path)
