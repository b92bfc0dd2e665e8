"""Read a CSV feed file: the csv module parses whole chunks of lines, and single lines only if it must.

Stage 1 of the path. The file may hold stray quotes and rows of any width; each sets aside only its own line. Bytes that
are not UTF-8 are left in their cells, for the checker to judge. A chunk is parsed at once if every record is one line,
which nearly every chunk is.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import compress, islice
from pathlib import Path
from typing import TextIO

from lifecycle_mail.sources.contract import Feed
from lifecycle_mail.sources.rows import (
    CHUNK_ROWS,
    Chunk,
    Chunks,
    FileRefused,
    RefusedRow,
    Texts,
    is_encodable,
    place_columns,
    storable,
)
from lifecycle_mail.sources.words import Cells, cells_by_place

# A quote that is never closed would take in the rest of the file, so no record may be longer than this.
MAXIMUM_RECORD_LINES = 100
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_csv(path: Path, feed: Feed) -> Chunks:
    """Yield the rows of `path` in chunks.

    Raises:
        FileRefused: no header, wrong columns, or the file as a whole is not UTF-8.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        if stream.read(2) in _UTF_16_MARKS:
            raise FileRefused("wrong_encoding", "the file is UTF-16: write it as UTF-8")
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        records = _Records(text)
        header = records.header()
        places, unknown = place_columns(feed, header)
        layout = _Layout(feed, places, len(header), unknown)
        for lines, texts, rows, refused in records.chunks():
            yield layout.chunk(lines, texts, rows, refused)


_Block = tuple[list[int], list[str], list[list[str]], list[RefusedRow]]


class _Records:
    """The lines of a file, joined to records."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []  # lines given back; the next one is last
        self._line = 1  # number of the next line
        self._width = 0

    def header(self) -> list[str]:
        first = self._stream.readline()
        self._line = 2
        if not first.strip():
            raise FileRefused("wrong_columns", "the file has no header line")
        if "\0" in first or not is_encodable(first):
            raise FileRefused("wrong_encoding", "the header is not UTF-8 text")
        header = next(csv.reader([first]))
        self._width = len(header)
        return header

    def chunks(self) -> Iterator[_Block]:
        while lines := self._take(CHUNK_ROWS):
            yield self._parse_at_once(lines) or self._parse_singly(lines)

    def _take(self, count: int) -> list[str]:
        waiting = [self._waiting.pop() for _ in range(min(count, len(self._waiting)))]
        return waiting + list(islice(self._stream, count - len(waiting)))

    def _parse_at_once(self, lines: list[str]) -> _Block | None:
        """Parse `lines` if each is one record; None if there are not as many records as lines."""
        try:
            rows = list(csv.reader(lines, strict=True))
        except csv.Error:
            return None
        if len(rows) != len(lines):
            return None
        start = self._line
        self._line += len(lines)
        return list(range(start, self._line)), lines, rows, []

    def _parse_singly(self, lines: list[str]) -> _Block:
        """Parse the records of `lines` one by one; a record may continue in the lines after them."""
        end = self._line + len(lines)
        self._waiting.extend(reversed(lines))
        block: _Block = ([], [], [], [])
        while self._line < end:
            self._next_record(block)
        return block

    def _next_record(self, block: _Block) -> None:
        numbers, texts, rows, refused = block
        pulled: list[str] = []
        try:
            row = next(csv.reader(self._pull(pulled), strict=True))
            if len(pulled) > 1 and len(row) != self._width:
                raise csv.Error("a quote swallowed the lines after it")
        except csv.Error as error:
            refused.append(_malformed(self._line, pulled[0], error))
            self._waiting.extend(reversed(pulled[1:]))  # these lines may be whole records
            self._line += 1
        else:
            numbers.append(self._line)
            texts.append("".join(pulled))
            rows.append(row)
            self._line += len(pulled)

    def _pull(self, pulled: list[str]) -> Iterator[str]:
        while len(pulled) < MAXIMUM_RECORD_LINES:
            line = self._take(1)
            if not line:
                return
            pulled += line
            yield line[0]


def _malformed(line: int, text: str, error: csv.Error) -> RefusedRow:
    if "field larger" in str(error):
        return RefusedRow(line, "text_too_long", "a field is longer than the reader takes", text.rstrip("\r\n"))
    return RefusedRow(line, "malformed_csv", "the quotes of this line do not match", text.rstrip("\r\n"))


def _torn(text: str) -> list[str]:
    """Split a line whose quotes do not match at every comma, because it cannot be known which commas were quoted."""
    return text.replace('"', "").split(",")


def _as_stored(texts: list[str]) -> list[str]:
    """Return rows as the database can hold them; nearly every block can be stored unchanged."""
    block = "".join(texts)
    return texts if "\0" not in block and is_encodable(block) else [storable(text) for text in texts]


class _Layout:
    """The positions of the contract's columns in this file's rows."""

    def __init__(self, feed: Feed, places: list[int | None], width: int, unknown: frozenset[str]) -> None:
        self._places = places
        self._width = width
        self._unknown = unknown
        names = feed.column_names
        self._telling = {
            name: place
            for name, place in zip(names, places, strict=True)
            if name in feed.telling and place is not None
        }

    def chunk(
        self, lines: list[int], texts: list[str], rows: list[list[str]], refused: list[RefusedRow]
    ) -> Chunk:
        refused = [row._replace(cells=self._cells(_torn(row.text or ""))) for row in refused]
        good = self._good_rows(lines, texts, rows, refused)
        if good is not None:
            lines, texts = list(compress(lines, good)), list(compress(texts, good))
            rows = list(compress(rows, good))
        texts = _as_stored([text.rstrip("\r\n") for text in texts])
        cells = list(zip(*rows, strict=True)) or [()] * self._width
        nothing: Texts = [None] * len(lines)
        columns = [nothing if place is None else cells[place] for place in self._places]
        return Chunk(lines, texts, columns, refused, self._unknown)

    def _good_rows(
        self, lines: list[int], texts: list[str], rows: list[list[str]], refused: list[RefusedRow]
    ) -> list[bool] | None:
        """Return which rows are whole, after refusing the others; None if all are."""
        if set(map(len, rows)) <= {self._width}:
            return None
        good = []
        for line, text, row in zip(lines, texts, rows, strict=True):
            good.append(len(row) == self._width)
            if row and len(row) != self._width:  # an empty line is not a row
                detail = f"the row has {len(row)} fields, the header {self._width}"
                whole, cells = text.rstrip("\r\n"), self._cells(row)
                refused.append(RefusedRow(line, "wrong_field_count", detail, whole, cells=cells))
        return good

    def _cells(self, row: list[str]) -> Cells:
        return cells_by_place(row, self._telling, self._width)

