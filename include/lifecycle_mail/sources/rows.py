"""What every reader returns: chunks of rows as texts, and the rows it had to set aside.

Stage 1 of the path. Readers know file formats; all later code knows only `Chunk`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from lifecycle_mail.sources.blanks import BLANKS, Texts
from lifecycle_mail.sources.contract import Column, Feed, Kind

CHUNK_ROWS = 5_000
EXACT = 2**53  # below it, each whole number has a floating point number of its own

_NUMERIC: frozenset[Kind] = frozenset({"number", "integer"})


class RefusedRow(NamedTuple):
    """One row set aside: its line, the named reason, the detail without values, the row as it came.

    `cells`: the readable values of the feed's telling columns (`words.Cells`). `is_loaded`: only the values that
    `detail` names were set aside, and the rest of the row was taken."""

    line: int | None
    reason: str
    detail: str | None = None
    text: str | None = None
    customer_id: str | None = None
    cells: Mapping[str, Sequence[str]] = MappingProxyType({})
    is_loaded: bool = False


@dataclass
class Chunk:
    """Some rows of one file.

    `lines`: line (or row) of each, from 1. `texts`: each row as it came. `columns`: for each column of the
    contract, in its order, the rows' values as text; None and '' both mean missing. `refused`: rows the
    reader itself set aside; they are in no other field. `unknown`: names of columns that the contract lacks.
    `wrong`: place in the chunk and column of each value of a type that its column cannot hold; its text is None.
    `absent`: for each row, the optional columns that it does not have at all, as `absence` writes them.
    """

    lines: list[int]
    texts: list[str]
    columns: list[Texts]
    refused: list[RefusedRow] = field(default_factory=list)
    unknown: frozenset[str] = frozenset()
    wrong: set[tuple[int, str]] = field(default_factory=set)
    absent: Sequence[str] = ()


Chunks = Iterator[Chunk]


class FileRefused(Exception):
    """A whole file that cannot be taken: named reason, and a detail without values."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class WrongType(Exception):
    """A value of a type that its column cannot hold."""


@lru_cache(maxsize=1024)
def absence(names: frozenset[str]) -> str:
    """Return names of columns as an array literal of PostgreSQL; '' = none is absent."""
    return f"{{{','.join(sorted(names))}}}" if names else ""


def absent_columns(absence: str) -> frozenset[str]:
    """Return the names in what `absence` returned."""
    return frozenset(filter(None, absence.strip("{}").split(",")))


def absence_in(feed: Feed, places: Sequence[int | None]) -> str:
    """Return the optional columns of `feed` that a file with columns at `places` does not have."""
    pairs = zip(feed.column_names, places, strict=True)
    return absence(feed.optional_names & {name for name, place in pairs if place is None})


def place_columns(feed: Feed, header: Sequence[str]) -> tuple[list[int | None], frozenset[str]]:
    """Return where in `header` each column of `feed` stands (None = missing), and the names that the feed lacks.

    Raises:
        FileRefused: a required column is missing, or a column is named twice. The detail does not repeat the names that
            were found, because the first line of a file without header is a person's data.
    """
    names = column_names(header)
    missing = [column.name for column in feed.columns if column.required and column.name not in names]
    if missing:
        raise FileRefused("wrong_columns", f"required column missing: {', '.join(missing)}")
    twice = [name for name in feed.column_names if names.count(name) > 1]
    if twice:
        raise FileRefused("wrong_columns", f"column named twice: {', '.join(twice)}")
    places = [names.index(name) if name in names else None for name in feed.column_names]
    return places, frozenset(name for name in names if name) - frozenset(feed.column_names)


def column_names(header: Sequence[str]) -> list[str]:
    """Return the names of a header as the contract writes them."""
    return [name.strip(BLANKS).lower() for name in header]


def named(row: Mapping[str, object], known: frozenset[str]) -> Mapping[str, object]:
    """Return a row with those names as the contract writes them that it knows; a name that is written so wins."""
    if row.keys() <= known:
        return row
    meant = _meant(frozenset(row.keys() - known), known)
    return {**{meant[name]: row[name] for name in meant}, **row} if meant else row


@lru_cache(maxsize=1024)
def _meant(strangers: frozenset[str], known: frozenset[str]) -> dict[str, str]:
    names = sorted(strangers)
    return {name: meant for name, meant in zip(names, column_names(names), strict=True) if meant in known}


def as_text(value: object, kind: Kind) -> str | None:
    """Return a typed value (JSON, SQL) as the text that a CSV file would hold.

    A whole number may be a key, also as 7.0: a table with gaps holds whole numbers so. NaN says that there is no value.

    Raises:
        WrongType: a value of this type does not fit `kind`.
    """
    if isinstance(value, (float, Decimal)) and value != value:
        return None
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        fits, value = kind == "boolean", str(value).lower()
    elif isinstance(value, int):
        fits = kind in _NUMERIC or kind in ("text", "name", "label", "boolean")
    elif isinstance(value, (float, Decimal)):
        if kind == "text" and is_whole(value):
            return str(int(value))
        fits = kind in _NUMERIC or kind == "boolean"
    else:
        fits = isinstance(value, (datetime, date)) and kind in ("time", "date", "birthday")
    if not fits:
        raise WrongType
    return value.isoformat() if isinstance(value, date) else str(value)


def is_whole(value: float | Decimal) -> bool:
    """Tell whether a number is surely the whole number that was meant: a larger one may have lost digits."""
    return -EXACT < value < EXACT and value == int(value)


def storable(text: str) -> str:
    """Return `text` as PostgreSQL can hold it: NUL, and bytes that are not UTF-8, as backslash and hex digits."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def is_encodable(text: str) -> bool:
    """Tell whether `text` is UTF-8; decoding turned bytes that are not into lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class TypedRows:
    """Collects rows of typed values (JSON objects, rows of a query) in a `Chunk`."""

    def __init__(self, feed: Feed) -> None:
        self._columns: Sequence[Column] = feed.columns
        self._known = frozenset(feed.column_names)
        self._optional = feed.optional_names
        self._start()

    def _start(self) -> None:
        self._lines: list[int] = []
        self._texts: list[str] = []
        self._rows: list[list[str | None]] = []
        self._refused: list[RefusedRow] = []
        self._unknown: set[str] = set()
        self._wrong: set[tuple[int, str]] = set()
        self._absent: list[str] = []

    def __len__(self) -> int:
        return len(self._lines) + len(self._refused)

    def add(self, line: int, text: str, row: Mapping[str, object]) -> None:
        """Take one row, and record values of a wrong type and columns that the row does not have."""
        row = named(row, self._known)
        values: list[str | None] = []
        for column in self._columns:
            try:
                values.append(as_text(row.get(column.name), column.kind))
            except WrongType:
                values.append(None)
                self._wrong.add((len(self._lines), column.name))
        self._lines.append(line)
        self._texts.append(text)
        self._rows.append(values)
        self._absent.append(absence(self._optional.difference(row)))

    def refuse(self, row: RefusedRow) -> None:
        """Set one row aside."""
        self._refused.append(row)

    def notice(self, names: Iterable[str]) -> None:
        """Record those of the names that the contract lacks."""
        self._unknown.update(name for name in names if name.strip(BLANKS).lower() not in self._known)

    def chunk(self) -> Chunk:
        """Return the collected rows, and start again with none."""
        columns: list[Texts] = list(zip(*self._rows, strict=True)) or [()] * len(self._columns)
        made = Chunk(
            self._lines, self._texts, columns, self._refused, frozenset(self._unknown), self._wrong, self._absent
        )  # fmt: skip
        self._start()
        return made

