"""Check a chunk of rows against its feed's contract: rows fit to be stored, and rows refused with a reason.

Stage 1 of the path, between the readers and the staging table. Works a column at a time: as long as no value
is refused, a column is one list made by one parser.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import compress
from typing import NamedTuple

from lifecycle_mail.sources.contract import MAXIMUM_TEXT, Column, Feed
from lifecycle_mail.sources.rows import Chunk, RefusedRow, Texts, is_encodable
from lifecycle_mail.sources.values import Parser, Refusal, Surroundings, parser_of
from lifecycle_mail.sources.words import TELLING, UNREADABLE, Cells, Word, WordReader

_Reasons = dict[int, tuple[str, str]]  # place in the chunk → named reason, column


class CheckedRows(NamedTuple):
    """Rows fit to be stored, as columns of texts in the contract's order, the rows refused, and what those say
    of permission all the same."""

    lines: list[int]
    texts: list[str]
    columns: list[Texts]
    refused: list[RefusedRow]
    words: list[Word]


class Checker:
    """Checks the chunks of one file; remembers parsed values from chunk to chunk."""

    def __init__(self, feed: Feed, surroundings: Surroundings) -> None:
        self._feed = feed
        self._parsers = [parser_of(column, surroundings) for column in feed.columns]
        self._reader = WordReader(feed, surroundings) if feed.tells_permission else None

    def check(self, chunk: Chunk) -> CheckedRows:
        """Return the rows of `chunk` that keep the contract, and those that do not: one reason a row, the
        first in the order of the columns."""
        reasons: _Reasons = {place: ("wrong_type", column) for place, column in reversed(chunk.wrong)}
        columns = [
            _check_column(column, parser, values, reasons)
            for column, parser, values in zip(self._feed.columns, self._parsers, chunk.columns, strict=True)
        ]
        self._check_order(columns, reasons)
        if not reasons:
            return CheckedRows(chunk.lines, chunk.texts, columns, chunk.refused, self._words(chunk.refused))
        good = [place not in reasons for place in range(len(chunk.lines))]
        refused = chunk.refused + self._refused_rows(chunk, reasons)
        return CheckedRows(
            list(compress(chunk.lines, good)),
            list(compress(chunk.texts, good)),
            [list(compress(column, good)) for column in columns],
            refused,
            self._words(refused),
        )

    def _words(self, refused: Sequence[RefusedRow]) -> list[Word]:
        if self._reader is None:
            return []
        found = (self._reader.word(row.line, row.cells) for row in refused)
        return [word for word in found if word is not None]

    def _check_order(self, columns: Sequence[Texts], reasons: _Reasons) -> None:
        names = self._feed.column_names
        for first, second in self._feed.in_order:
            pairs = zip(columns[names.index(first)], columns[names.index(second)], strict=True)
            for place, (start, end) in enumerate(pairs):
                if start and end and datetime.fromisoformat(start) > datetime.fromisoformat(end):
                    reasons.setdefault(place, ("ends_before_start", second))

    def _refused_rows(self, chunk: Chunk, reasons: _Reasons) -> list[RefusedRow]:
        names = self._feed.column_names
        whose = chunk.columns[names.index("customer_id")] if "customer_id" in names else None
        rows = []
        for place, (reason, column) in sorted(reasons.items()):
            customer = whose[place] if whose else None
            text = chunk.texts[place]
            cells = self._cells(chunk, place)
            rows.append(RefusedRow(chunk.lines[place], reason, f"column {column}", text, customer, cells))
        return rows

    def _cells(self, chunk: Chunk, place: int) -> Cells:
        if self._reader is None:
            return {}
        pairs = zip(self._feed.column_names, chunk.columns, strict=True)
        told = {name: [column[place] or ""] for name, column in pairs if name in TELLING}
        return told | {name: [UNREADABLE] for wrong, name in chunk.wrong if wrong == place and name in TELLING}


def _check_column(column: Column, parser: Parser | None, values: Texts, reasons: _Reasons) -> Texts:
    if parser is None:
        return values if _all_storable(column, values) else _check_values(column, str, values, reasons)
    try:
        if column.required and not all(values):
            return _check_values(column, parser, values, reasons)
        return [parser(value) if value else column.default for value in values]
    except Refusal:
        return _check_values(column, parser, values, reasons)


def _all_storable(column: Column, values: Texts) -> bool:
    """Tell at once for a column what nearly always holds: nothing missing, odd or too long."""
    try:
        together = "".join(values)  # type: ignore[arg-type]
    except TypeError:  # a None
        together = "".join(value for value in values if value)
    if "\0" in together or not is_encodable(together):
        return False
    if len(together) > MAXIMUM_TEXT and max(len(value or "") for value in values) > MAXIMUM_TEXT:
        return False
    return not column.required or all(value and not value.isspace() for value in values)


def _check_values(column: Column, parser: Parser, values: Texts, reasons: _Reasons) -> Texts:
    """Check value by value, noting the place of each refusal; the refused keep None in the column."""
    checked: list[str | None] = []
    for place, value in enumerate(values):
        try:
            checked.append(_check_value(column, parser, value))
        except Refusal as refusal:
            reasons.setdefault(place, (refusal.reason, column.name))
            checked.append(None)
    return checked


def _check_value(column: Column, parser: Parser, value: str | None) -> str | None:
    if not value or (value.isspace() and (column.required or column.kind != "text")):
        if column.required:
            raise Refusal("missing_value")
        return column.default
    _refuse_unstorable(value)
    return parser(value)


def _refuse_unstorable(value: str) -> None:
    if "\0" in value:
        raise Refusal("nul_byte")
    if len(value) > MAXIMUM_TEXT:
        raise Refusal("text_too_long")
    if not is_encodable(value):
        raise Refusal("not_utf8")
