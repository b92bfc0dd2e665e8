"""Read a CSV feed file: the csv module parses whole chunks of lines, and single lines only if it must.

Stage 1 of the path. The file may be separated and encoded as spreadsheets do it. It may hold stray quotes and rows of
any width; each sets aside only its own line. Bytes that are not UTF-8 are left in their cells, for the checker to
judge. A chunk is parsed at once if every record is one line,
which nearly every chunk is.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import compress, islice
from pathlib import Path
from typing import TextIO

from lifecycle_mail.sources.blanks import BLANKS
from lifecycle_mail.sources.contract import Feed
from lifecycle_mail.sources.file_looks import encoding_of, looks_like
from lifecycle_mail.sources.rows import (
    CHUNK_ROWS,
    Chunk,
    Chunks,
    FileRefused,
    RefusedRow,
    Texts,
    absence_in,
    column_names,
    is_encodable,
    place_columns,
    storable,
)
from lifecycle_mail.sources.words import Cells, cells_by_place

# A quote that is never closed would take in the rest of the file, so no record may be longer than this.
MAXIMUM_RECORD_LINES = 100
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_EXCEL_SEPARATOR = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)


def read_csv(path: Path, feed: Feed) -> Chunks:
    """Yield the rows of `path` in chunks. Commas, semicolons, tabs or bars separate the columns.

    Raises:
        FileRefused: no header, wrong columns, or the file is no text of a known encoding.
        OSError: the file cannot be read.
    """
    encoding = encoding_of(path)
    errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
    with path.open(encoding=encoding, errors=errors, newline="") as text:
        try:
            yield from _read(_Records(text), feed)
        except UnicodeError:
            raise FileRefused("wrong_encoding", f"the file is not whole {encoding.upper()}: write UTF-8") from None


def _read(records: _Records, feed: Feed) -> Chunks:
    header = records.header(feed)
    places, unknown = _places(feed, header, records)
    layout = None
    for lines, texts, rows, refused in records.chunks():
        layout = layout or _Layout(feed, places, records.narrow(header, rows), unknown, records.separator)
        yield layout.chunk(lines, texts, rows, refused)


def _places(feed: Feed, header: list[str], records: _Records) -> tuple[list[int | None], frozenset[str]]:
    """Return where the columns stand, as `place_columns`; a refusal also says what the file looks like."""
    try:
        return place_columns(feed, header)
    except FileRefused as refusal:
        raise FileRefused(refusal.reason, f"{refusal.detail}; {records.looks(feed, header)}") from None


_Block = tuple[list[int], list[str], list[list[str]], list[RefusedRow]]


class _Records:
    """The lines of a file, joined to records."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []  # lines given back; the next one is last
        self._line = 1  # number of the next line
        self._width = 0
        self._head = ""
        self.separator = ","

    def header(self, feed: Feed) -> list[str]:
        """Read the header, and find what separates the columns: what Excel's line says, else what gives the contract's
        names."""
        first = self._first_line()
        said = _EXCEL_SEPARATOR.fullmatch(first)
        if said:
            first = self._first_line()
        if not first:
            raise FileRefused("wrong_columns", "the file has no header line")
        if "\0" in first or not is_encodable(first):
            raise FileRefused("wrong_encoding", "the header is not UTF-8 text")
        self._head = first
        try:
            return self._columns_of(first, said[1] if said else "", feed)
        except csv.Error:
            raise FileRefused("wrong_columns", "the first line is no header") from None

    def _first_line(self) -> str:
        """Return the next line that is not blank; '' = there is none."""
        while line := self._stream.readline():
            self._line += 1
            if line.strip(BLANKS):
                return line
        return ""

    def _columns_of(self, first: str, separator: str, feed: Feed) -> list[str]:
        # With `max`, the first of several that give as many names is taken: the comma.
        self.separator = separator or max(SEPARATORS, key=lambda one: len(self._known(feed, one)))
        header = next(csv.reader([first], delimiter=self.separator))
        self._width = len(header)
        return header

    def _known(self, feed: Feed, separator: str) -> set[str]:
        """Return the contract's names that the header has if `separator` stands between its columns."""
        return set(feed.column_names).intersection(column_names(next(csv.reader([self._head], delimiter=separator))))

    def narrow(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
        """Return how many columns the file has: those of the header, but a separator at its end begins none if no row
        has it."""
        names = len(header)
        while names and not header[names - 1].strip(BLANKS):
            names -= 1
        if {len(row) for row in rows if row} == {names}:
            self._width = names
        return self._width

    def looks(self, feed: Feed, header: list[str]) -> str:
        """Say what the file looks like, without repeating its text."""
        if what := looks_like(self._head):
            return f"the file looks like {what}"
        if not self._known(feed, self.separator):
            return "the first line has none of the feed's columns: is the header line missing?"
        between = SEPARATORS.get(self.separator, "the separator of its first line")
        return f"it was read as {len(header)} columns with {between} between them"

    def chunks(self) -> Iterator[_Block]:
        while lines := self._take(CHUNK_ROWS):
            yield self._parse_at_once(lines) or self._parse_singly(lines)

    def _take(self, count: int) -> list[str]:
        waiting = [self._waiting.pop() for _ in range(min(count, len(self._waiting)))]
        return waiting + list(islice(self._stream, count - len(waiting)))

    def _parse_at_once(self, lines: list[str]) -> _Block | None:
        """Parse `lines` if each is one record; None if there are not as many records as lines."""
        try:
            rows = list(csv.reader(lines, strict=True, delimiter=self.separator))
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
            row = next(csv.reader(self._pull(pulled), strict=True, delimiter=self.separator))
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


def _torn(text: str, separator: str) -> list[str]:
    """Split a line whose quotes do not match at every separator, because it cannot be known which were quoted."""
    return text.replace('"', "").split(separator)


def _as_stored(texts: list[str]) -> list[str]:
    """Return rows as the database can hold them; nearly every block can be stored unchanged."""
    block = "".join(texts)
    return texts if "\0" not in block and is_encodable(block) else [storable(text) for text in texts]


class _Layout:
    """The positions of the contract's columns in this file's rows."""

    def __init__(
        self, feed: Feed, places: list[int | None], width: int, unknown: frozenset[str], separator: str
    ) -> None:
        self._separator = separator
        self._absent = absence_in(feed, places)
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
        refused = [row._replace(cells=self._cells(_torn(row.text or "", self._separator))) for row in refused]
        good = self._good_rows(lines, texts, rows, refused)
        if good is not None:
            lines, texts = list(compress(lines, good)), list(compress(texts, good))
            rows = list(compress(rows, good))
        texts = _as_stored([text.rstrip("\r\n") for text in texts])
        cells = list(zip(*rows, strict=True)) or [()] * self._width
        nothing: Texts = [None] * len(lines)
        columns = [nothing if place is None else cells[place] for place in self._places]
        return Chunk(lines, texts, columns, refused, self._unknown, absent=[self._absent] * len(lines))

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

