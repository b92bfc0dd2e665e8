"""A column that is taken at one look is the one that a look at each value gives."""

from __future__ import annotations

import random
from datetime import date

import pytest

from lifecycle_mail.sources.contract import Column, Kind
from lifecycle_mail.sources.feeds import feeds
from lifecycle_mail.sources.row_validation import CheckedRows, Checker
from lifecycle_mail.sources.rows import Chunk
from lifecycle_mail.sources.value_parsers import ParseContext, parser_of, sure_of

CONTEXT = ParseContext(date(2026, 11, 21), frozenset({"UTC"}))
VALUES: dict[Kind, list[str]] = {
    "time": ["2026-02-28T10:00:00Z", "2026-12-31 23:59:59.123+0200", "2026-04-30T00:00+14:00"],
    "date": ["2026-12-31", "2199-02-28"],
    "birthday": ["1980-11-05", "2019-02-28", "1900-01-31"],
    "number": ["1", "12.50", "999999999"],
    "integer": ["7", "12"],
    "address": ["ann.b@example.com", "a_b+c-d@mail.ex-am.example.com"],
    "link": ["https://shop.example.com/p?a=1&b=2#x", "http://a.example:80/c"],
    "currency": ["EUR"],
    "locale": ["en-GB", "de"],
}
LETTERS = "0123456789-:.TZ+ @/&;#~_aAzZeE\n\r\u00a0'\"%=nulN"
COLUMNS = {column.kind: column for feed in feeds().values() for column in feed.columns if sure_of(column, CONTEXT)}


def is_sure(column: Column, value: str) -> bool:
    pattern = sure_of(column, CONTEXT)
    return pattern is not None and "\n" not in value and pattern.fullmatch(f"{value}\n") is not None


def check(feed: str, *rows: tuple[str | None, ...]) -> CheckedRows:
    """Check rows whose columns are those of the contract, in its order; further ones have no value."""
    contract, width = feeds()[feed], len(feeds()[feed].columns)
    columns = list(zip(*((*row, *(None,) * (width - len(row))) for row in rows), strict=True))
    lines = list(range(1, len(rows) + 1))
    return Checker(contract, CONTEXT).check(Chunk(lines, ["x"] * len(rows), columns, absent=[""] * len(rows)))


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_a_sure_value_is_one_that_its_parser_returns(kind: Kind) -> None:
    """Values with one or two letters changed are either not sure, or are parsed to what they are."""
    column, dice = COLUMNS[kind], random.Random(kind)
    parse = parser_of(column, CONTEXT)
    assert parse is not None
    sure = 0
    for _ in range(1_500):
        value = dice.choice(VALUES[kind])
        for _ in range(dice.randrange(3)):
            place = dice.randrange(len(value) + 1)
            value = value[:place] + dice.choice(["", dice.choice(LETTERS)]) + value[place + dice.randrange(2) :]
        if value and is_sure(column, value):
            sure += 1
            same = parse(value)
            assert same == value or (kind in ("number", "integer") and float(same) == float(value))
    assert sure > 300


def test_a_line_end_inside_a_value_is_no_second_value() -> None:
    """Two right values in one cell are one wrong value, and the row next to it is not moved."""
    found = check("currency_rates", ("2026-01-01", "EUR\nUSD", "1"), ("2026-01-01", "GBP", "1"))
    assert [(row.line, row.reason) for row in found.refused] == [(1, "invalid_currency")]
    assert list(map(list, found.columns)) == [["2026-01-01"], ["GBP"], ["1"]]


def test_columns_with_gaps() -> None:
    """An empty value is none if the column may be empty, whether a reader gives '' or none at all, and refuses its row
    if it is required. A default stands for it."""
    at = "2026-01-01T00:00:00Z"
    found = check("page_views", ("v1", "c", at, None, None, ""), ("v2", "c", at, "", "", "7"), ("v3", "c", "", "p"))
    assert [(row.line, row.reason, row.detail) for row in found.refused] == [(3, "missing_value", "column viewed_at")]
    assert [list(map(bool, column)) for column in found.columns[3:]] == [[False] * 2, [False] * 2, [False, True]]
    assert list(check("cart_lines", ("k", "p", "1", "2"), ("k", "p", "1", "2", "7")).columns[4]) == ["0", "7"]
