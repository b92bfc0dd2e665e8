"""Read an NDJSON feed file: one JSON object per line.

Stage 1 of the path. Many programs write one array, several objects on a line, or objects over several lines. Such a
file is read too.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

import orjson

from lifecycle_mail.sources.contract import Feed
from lifecycle_mail.sources.file_looks import encoding_of
from lifecycle_mail.sources.rows import (
    CHUNK_ROWS,
    Chunks,
    FileRefused,
    RefusedRow,
    TypedRows,
    is_encodable,
    storable,
)
from lifecycle_mail.sources.words import cells_of_broken_json

MAXIMUM_SPREAD = 64 * 1024 * 1024  # bytes: a file whose objects stand on several lines is read at once
_BRACKETS = (b"[", b"]", b",")
_BETWEEN = re.compile(r"[\s,\[\]]*")  # what may stand between objects, also as an array has it
_DECODER = json.JSONDecoder()

Row = dict[str, object]


def read_ndjson(path: Path, feed: Feed) -> Chunks:
    """Yield the rows of `path` in chunks. If a required name is missing, its value is missing in that row.

    Rows are numbered by their lines. Of several on one line, each later one has the next number.

    Raises:
        FileRefused: the file is no text of a known encoding, or its objects stand on several lines and one breaks.
        OSError: the file cannot be read.
    """
    taken = _Taken(feed)
    lines = enumerate(_lines(path), start=1)
    for number, raw in lines:
        line = raw.strip()
        if not line or line in _BRACKETS:
            continue
        if line == b"{" and not taken.number:
            yield from _read_spread(path, number, b"".join([raw, *(rest for _, rest in lines)]), taken)
            return
        taken.line(number, line)
        if len(taken.rows) >= CHUNK_ROWS:
            yield taken.rows.chunk()
    if len(taken.rows):
        yield taken.rows.chunk()


def _read_spread(path: Path, first: int, content: bytes, taken: _Taken) -> Chunks:
    """Yield the rows of a file whose objects stand on several lines each; `content` begins on line `first`."""
    if path.stat().st_size > MAXIMUM_SPREAD:
        raise FileRefused("unreadable_file", "the file looks like JSON over several lines: write one object per line")
    text, start = content.decode(errors="surrogateescape"), 0
    try:
        for row, place, end in _objects(text):
            first, start = first + text.count("\n", start, place), place
            taken.row(first, text[place:end], row)
            if len(taken.rows) >= CHUNK_ROWS:
                yield taken.rows.chunk()
    except (ValueError, RecursionError):
        yield taken.rows.chunk()  # what it says of permission counts
        raise FileRefused("unreadable_file", f"the JSON breaks in the object after line {first}") from None
    if len(taken.rows):
        yield taken.rows.chunk()


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines as UTF-8, whatever the file's encoding is."""
    encoding = encoding_of(path)
    if encoding == "utf-8-sig":
        with path.open("rb") as stream:
            yield stream.readline().removeprefix(codecs.BOM_UTF8)
            yield from stream
        return
    with path.open(encoding=encoding) as text:
        try:
            yield from (line.encode() for line in text)
        except UnicodeError:
            raise FileRefused("wrong_encoding", f"the file is not whole {encoding.upper()}: write UTF-8") from None


class _Taken:
    """The rows taken so far, and the number of the last one."""

    def __init__(self, feed: Feed) -> None:
        self.rows = TypedRows(feed)
        self.number = 0
        self._telling = feed.telling
        self._known = frozenset(feed.column_names)

    def line(self, number: int, line: bytes) -> None:
        """Take the objects of one line. Bytes that are not UTF-8 stay in their value, for the checker to judge."""
        text = line.decode(errors="surrogateescape")
        is_text = is_encodable(text)
        try:
            rows = _rows(line if is_text else text)
        except (ValueError, RecursionError):
            what = ("broken_json", "one JSON object") if is_text else ("not_utf8", "UTF-8")
            cells = cells_of_broken_json(text, self._telling)
            self.rows.refuse(
                RefusedRow(self._next(number), what[0], f"the line is not {what[1]}", text, cells=cells)
            )
        else:
            shown = text if is_text else storable(text)
            for row in rows:
                self._add(number, shown if len(rows) == 1 else storable(json.dumps(row, ensure_ascii=False)), row)

    def row(self, number: int, text: str, row: Row) -> None:
        """Take one object, whose text is `text`."""
        self._add(number, storable(text), row)

    def _add(self, number: int, text: str, row: Row) -> None:
        if not row.keys() <= self._known:
            self.rows.notice(row.keys() - self._known)
        self.rows.add(self._next(number), text, row)

    def _next(self, number: int) -> int:
        self.number = max(number, self.number + 1)
        return self.number


def _rows(line: bytes | str) -> list[Row]:
    """Parse the objects of a line, nearly always one.

    The standard library parses what orjson does not: several objects, NaN, and lone surrogates.
    """
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:  # also raised for a text with bad bytes
        text = line.decode() if isinstance(line, bytes) else line
        found = [row for row, _, _ in _objects(text)]
    rows = found if isinstance(found, list) else [found]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError("no object")
    return rows


def _objects(text: str) -> Iterator[tuple[Row, int, int]]:
    """Yield the objects of `text` one after the other, each with its place and its end (ValueError if one breaks)."""
    place = _end_of_gap(text, 0)
    while place < len(text):
        row, end = _DECODER.raw_decode(text, place)
        if not isinstance(row, dict):
            raise ValueError("no object")
        yield row, place, end
        place = _end_of_gap(text, end)


def _end_of_gap(text: str, place: int) -> int:
    found = _BETWEEN.match(text, place)
    return found.end() if found else place
