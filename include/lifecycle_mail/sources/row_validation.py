"""Check a chunk of rows against its feed's contract: storable rows, and refused rows and values with a reason.

Stage 1 of the path, between the readers and the staging table. Works one column at a time: as long as no value
is refused, a column is one list made by one parser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import compress
from typing import NamedTuple

from lifecycle_mail.sources.blanks import cleaned, joined
from lifecycle_mail.sources.contract import MAXIMUM_TEXT, Column, Feed
from lifecycle_mail.sources.names import CLEARING
from lifecycle_mail.sources.refusals import Refusal
from lifecycle_mail.sources.rows import Chunk, RefusedRow, Texts, is_encodable
from lifecycle_mail.sources.value_parsers import ParseContext, Parser, parser_of, sure_of
from lifecycle_mail.sources.words import UNREADABLE, Cells, Word, WordReader

_Faults = dict[int, dict[str, str]]  # place in the chunk → column → named reason


class CheckedRows(NamedTuple):
    """Storable rows, as columns of texts in the contract's order, and what was set aside.

    refused: rows, and values of rows that are stored without them. unread: line and column of those values, and whether
    a known row keeps the value that it had. absent: for each row, the columns that it does not have (`rows.absence`).
    words: what refused and incomplete rows say about permission. carts: line and key of carts whose row is
    refused and does not certainly say that the cart is open.
    """

    lines: list[int]
    texts: list[str]
    columns: list[Texts]
    refused: list[RefusedRow]
    unread: list[tuple[int, str, bool]]
    words: list[Word]
    carts: list[tuple[int | None, str]]
    absent: Sequence[str]


class Checker:
    """Checks the chunks of one file; remembers parsed values from chunk to chunk."""

    def __init__(self, feed: Feed, context: ParseContext) -> None:
        self._feed = feed
        self._parsers = [parser_of(column, context) for column in feed.columns]
        self._sure = [sure_of(column, context) for column in feed.columns]
        self._reader = WordReader(feed, context) if feed.telling else None

    def check(self, chunk: Chunk) -> CheckedRows:
        """Return the rows of `chunk` that keep the contract, and what does not.

        Values are trimmed here and nowhere else. A refused row has one reason, the first in the order of the columns.
        If a value is unreadable and the row can do without it, only the value is left out, and the stored row keeps the
        value it had.
        """
        sure = list(map(_is_sure, self._sure, chunk.columns))
        pairs = zip(sure, chunk.columns, self._feed.columns, strict=True)
        chunk = replace(
            chunk, columns=[values if known else cleaned(values, column.kind) for known, values, column in pairs]
        )
        faults: _Faults = {}
        for place, column in chunk.wrong:
            faults.setdefault(place, {})[column] = "wrong_type"
        columns = [
            values if known else _check_column(column, parser, values, faults)
            for known, column, parser, values in zip(
                sure, self._feed.columns, self._parsers, chunk.columns, strict=True
            )
        ]
        self._check_order(columns, faults)
        return self._sorted(chunk, columns, faults)

    def withdrawals(self, chunk: Chunk) -> list[Word]:
        """Return every withdrawal among the rows of `chunk`, whether or not the row is complete."""
        if self._reader is None:
            return []
        places = range(len(chunk.lines))
        rows = [RefusedRow(chunk.lines[place], "", cells=self._cells(chunk, place)) for place in places]
        return [word for word in self._words(rows + chunk.refused) if word.permission == "withdrawn"]

    def _check_order(self, columns: list[Texts], faults: _Faults) -> None:
        """Refuse the second of two times if it lies before the first; a refused value counts as missing."""
        names = self._feed.column_names
        for first, second in self._feed.in_order:
            ends = list(columns[names.index(second)])
            for place, (start, end) in enumerate(zip(columns[names.index(first)], ends, strict=True)):
                if start and end and datetime.fromisoformat(start) > datetime.fromisoformat(end):
                    faults.setdefault(place, {}).setdefault(second, "ends_before_start")
                    ends[place] = None
            columns[names.index(second)] = ends

    def _sorted(self, chunk: Chunk, columns: list[Texts], faults: _Faults) -> CheckedRows:
        """Separate what is stored from what is set aside."""
        bad = {place: column for place, found in faults.items() if (column := self._refusing(found))}
        partly = {place: found for place, found in sorted(faults.items()) if place not in bad}
        refused = chunk.refused + [
            self._aside(chunk, place, faults[place][column], column) for place, column in sorted(bad.items())
        ]
        words, said = self._words(refused), self._permissions(columns) if partly else []
        for place, found in partly.items():
            refused += self._values_aside(chunk, place, found)
            words += self._unread_words(chunk, place, found, said)
        good = [place not in bad for place in range(len(chunk.lines))]
        return CheckedRows(
            list(compress(chunk.lines, good)) if bad else chunk.lines,
            list(compress(chunk.texts, good)) if bad else chunk.texts,
            [list(compress(column, good)) for column in columns] if bad else columns,
            refused,
            [
                (chunk.lines[place], column, reason not in CLEARING)
                for place, found in partly.items() for column, reason in found.items()
            ],
            words,
            self._carts(refused),
            list(compress(chunk.absent, good)) if bad else chunk.absent,
        )

    def _refusing(self, found: Mapping[str, str]) -> str | None:
        """Return the first column whose fault sets the whole row aside; None if the row can do without the values."""
        return next((one.name for one in self._feed.columns if one.refuses_row and one.name in found), None)

    def _aside(self, chunk: Chunk, place: int, reason: str, column: str) -> RefusedRow:
        names = self._feed.column_names
        whose = chunk.columns[names.index("customer_id")][place] if "customer_id" in names else None
        cells = self._cells(chunk, place)
        return RefusedRow(chunk.lines[place], reason, f"column {column}", chunk.texts[place], whose or None, cells)

    def _values_aside(self, chunk: Chunk, place: int, found: Mapping[str, str]) -> list[RefusedRow]:
        """Return one entry per reason; it names the columns left out of the row."""
        columns: dict[str, list[str]] = {}
        for name in self._feed.column_names:
            if name in found:
                columns.setdefault(found[name], []).append(name)
        return [
            self._aside(chunk, place, reason, ", ".join(names))._replace(is_loaded=True)
            for reason, names in columns.items()
        ]

    def _cells(self, chunk: Chunk, place: int) -> Cells:
        telling = self._feed.telling
        if not telling:
            return {}
        pairs = zip(self._feed.column_names, chunk.columns, strict=True)
        told = {name: [column[place] or ""] for name, column in pairs if name in telling}
        return told | {name: [UNREADABLE] for name in telling if (place, name) in chunk.wrong}

    def _words(self, refused: Sequence[RefusedRow]) -> list[Word]:
        if self._reader is None or not self._feed.tells_permission:
            return []
        found = (self._reader.word(row.line, row.cells) for row in refused)
        return [word for word in found if word is not None]

    def _permissions(self, columns: list[Texts]) -> list[str | None]:
        """Return the column of permissions as a list that can be changed; empty if the feed has none."""
        if not self._feed.tells_permission:
            return []
        place = self._feed.column_names.index("permission")
        columns[place] = said = list(columns[place])
        return said

    def _unread_words(
        self, chunk: Chunk, place: int, found: Mapping[str, str], said: list[str | None]
    ) -> list[Word]:
        """Return the permission of a stored row if it cannot be read, and remove it from `said`."""
        if self._reader is None or not {"permission", "permission_at"} & found.keys():
            return []
        word = self._reader.word(chunk.lines[place], self._cells(chunk, place))
        if word is None or word.permission is not None:
            return []
        said[place] = None
        return [word]

    def _carts(self, refused: Sequence[RefusedRow]) -> list[tuple[int | None, str]]:
        if self._reader is None or not self._feed.tells_cart_status:
            return []
        found = ((row.line, self._reader.unread_cart(row.cells)) for row in refused if not row.is_loaded)
        return [(line, cart_id) for line, cart_id in found if cart_id is not None]


def _is_sure(pattern: re.Pattern[str] | None, values: Texts) -> bool:
    """Tell by one look whether each value is stored as it is. False says nothing: the column is checked by value."""
    if pattern is None:
        return False
    try:
        lines = "\n".join(values)  # type: ignore[arg-type]
    except TypeError:  # a None
        lines = "\n".join([value or "" for value in values])
    # A line end inside a value would make two lines of it.
    return lines.count("\n") == len(values) - 1 and pattern.fullmatch(lines + "\n") is not None


def _check_column(column: Column, parser: Parser | None, values: Texts, faults: _Faults) -> Texts:
    if parser is None:
        return values if _all_storable(column, values) else _check_values(column, str, values, faults)
    try:
        if column.is_free_text and not _all_storable(column, values):  # its parser takes any text
            return _check_values(column, parser, values, faults)
        if column.required and not all(values):
            return _check_values(column, parser, values, faults)
        parsed = [parser(value) if value else column.default for value in values]
        return parsed if not column.required or all(parsed) else _check_values(column, parser, values, faults)
    except Refusal:
        return _check_values(column, parser, values, faults)


def _all_storable(column: Column, values: Texts) -> bool:
    """Check a whole column at once for what nearly always holds: nothing missing, odd or too long."""
    together = joined(values)
    if "\0" in together or not is_encodable(together):
        return False
    if len(together) > MAXIMUM_TEXT and max(map(len, filter(None, values))) > MAXIMUM_TEXT:
        return False
    return not column.required or all(values)


def _check_values(column: Column, parser: Parser, values: Texts, faults: _Faults) -> Texts:
    """Check value by value and record the place of each refusal; a refused value counts as missing."""
    checked: list[str | None] = []
    for place, value in enumerate(values):
        try:
            checked.append(_check_value(column, parser, value))
        except Refusal as refusal:
            faults.setdefault(place, {}).setdefault(column.name, refusal.reason)
            checked.append(column.default)
    return checked


def _check_value(column: Column, parser: Parser, value: str | None) -> str | None:
    if not value:
        if column.required:
            raise Refusal("missing_value")
        return column.default
    _refuse_unstorable(value)
    return _required(parser(value)) if column.required else parser(value)


def _required(value: str) -> str:
    """Refuse a value if the parser left nothing of it: a name that is a placeholder."""
    if not value:
        raise Refusal("missing_value")
    return value


def _refuse_unstorable(value: str) -> None:
    if "\0" in value:
        raise Refusal("nul_byte")
    if len(value) > MAXIMUM_TEXT:
        raise Refusal("text_too_long")
    if not is_encodable(value):
        raise Refusal("not_utf8")
