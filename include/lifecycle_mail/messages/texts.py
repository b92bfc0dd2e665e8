"""Where template texts come from: a folder, or the texts that were kept when a definition was read.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
File names are relative to the template folder, with slashes: base/layout.mjml. No database here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from jinja2 import BaseLoader, FileSystemLoader, FunctionLoader


class Texts(Protocol):
    """The files that templates are read from."""

    def read(self, file: str) -> str:
        """Return the text of `file` (FileNotFoundError if there is none, UnicodeDecodeError if it is not UTF-8)."""
        ...

    def files(self, folder: str) -> list[str]:
        """Return the names of the files of one folder inside, in order; none if there is no such folder."""
        ...

    def place(self, file: str) -> str:
        """Return how an error names `file`."""
        ...

    def name_of(self, filename: str) -> str | None:
        """Return the file whose compiled code has this file name, or None."""
        ...

    def loader(self) -> BaseLoader:
        """Return the files as Jinja reads them."""
        ...


class FolderTexts:
    """The files of a folder, as they are at each reading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, file: str) -> str:
        """Return the text of `file` as it is now."""
        return (self.folder / file).read_text(encoding="utf-8")

    def files(self, folder: str) -> list[str]:
        """Return the names of the files of one folder inside."""
        return sorted(f"{folder}/{path.name}" for path in (self.folder / folder).glob("*") if path.is_file())

    def place(self, file: str) -> str:
        """Return the path of `file`."""
        return str(self.folder / file)

    def name_of(self, filename: str) -> str | None:
        """Return the file's name inside the folder."""
        path = Path(filename)
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else None

    def loader(self) -> BaseLoader:
        """Return a loader of the folder."""
        return FileSystemLoader(self.folder)


class StoredTexts:
    """Texts that were kept: they never change."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = dict(texts)

    def read(self, file: str) -> str:
        """Return the text of `file`."""
        if file not in self._texts:
            raise FileNotFoundError(file)
        return self._texts[file]

    def files(self, folder: str) -> list[str]:
        """Return the names of the texts of one folder."""
        return sorted(file for file in self._texts if file.rpartition("/")[0] == folder)

    def place(self, file: str) -> str:
        """Return the file's name."""
        return file

    def name_of(self, filename: str) -> str | None:
        """Return the file's name, which compiled code has as its file name too."""
        return filename if filename in self._texts else None

    def loader(self) -> BaseLoader:
        """Return a loader of these texts."""
        return FunctionLoader(lambda name: (self._texts[name], name, None) if name in self._texts else None)


def texts_in(source: Path | Texts) -> Texts:
    """Return the texts of a folder, or the texts that were given."""
    return FolderTexts(source) if isinstance(source, Path) else source
