"""Every kind of value: what is accepted, what it becomes, and the reason by name if it is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from lifecycle_mail.sources.contract import Column
from lifecycle_mail.sources.feeds import feeds
from lifecycle_mail.sources.refusals import Refusal
from lifecycle_mail.sources.value_parsers import ParseContext, parse_time, parser_of

CONTEXT = ParseContext(date(2026, 11, 21), frozenset({"Europe/Berlin", "UTC"}))


def column_of(feed: str, name: str) -> Column:
    return next(column for column in feeds()[feed].columns if column.name == name)


def parse(feed: str, name: str, text: str) -> str:
    parser = parser_of(column_of(feed, name), CONTEXT)
    assert parser is not None
    return parser(text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01 10:00:00+00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00+0530", datetime(2026, 3, 1, 4, 30, tzinfo=UTC)),
        ("2026-03-01T10:00:00.123456-04:00", datetime(2026, 3, 1, 14, 0, 0, 123456, tzinfo=UTC)),
        ("2028-02-29T10:00:00Z", datetime(2028, 2, 29, 10, tzinfo=UTC)),
        ("2026-03-01 10:00:00 UTC", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01 10:00:00.000 -0800", datetime(2026, 3, 1, 18, tzinfo=UTC)),
        ("2026-03-01 10:00:00.123456 +01:00", datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)),
        ("2026-03-01T10:00:00z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-12-31T23:59:59-09:00", datetime(2027, 1, 1, 8, 59, 59, tzinfo=UTC)),
    ],
)
def test_times_keep_their_instant(text: str, instant: datetime) -> None:
    """An ISO time with an offset stays the instant it was."""
    assert datetime.fromisoformat(parse_time(text)) == instant


BROKEN = [
    ("orders", "ordered_at", "2026-02-30T10:00:00Z", "unparsable_time"),
    ("orders", "ordered_at", "2027-02-29T10:00:00Z", "unparsable_time"),
    ("orders", "ordered_at", "2026-03-01T24:30:00Z", "unparsable_time"),
    ("orders", "ordered_at", "yesterday", "unparsable_time"),
    ("orders", "ordered_at", "1700000000", "unparsable_time"),
    ("orders", "ordered_at", "2026-03-01T10:00:00", "time_without_offset"),
    ("orders", "ordered_at", "2026-03-01", "time_without_offset"),
    ("orders", "ordered_at", "0001-01-01T00:00:00+05:00", "time_out_of_range"),
    ("orders", "ordered_at", "9999-12-31T23:59:59-05:00", "time_out_of_range"),
    ("orders", "total", "-0.01", "negative_total"),
    ("orders", "total", "-1e-9", "negative_total"),
    ("orders", "total", "12,50", "unparsable_number"),
    ("orders", "total", "1_000", "unparsable_number"),
    ("orders", "total", "١٢", "unparsable_number"),
    ("orders", "total", "0x10", "unparsable_number"),
    ("orders", "total", "NaN", "not_finite"),
    ("orders", "total", "-Infinity", "not_finite"),
    ("orders", "total", "1e10", "number_out_of_range"),
    ("orders", "total", "1e999", "number_out_of_range"),
    ("orders", "status", "shipped", "unknown_status"),
    ("order_lines", "quantity", "-1", "negative_quantity"),
    ("order_lines", "unit_price", "-1", "negative_price"),
    ("order_lines", "line_no", "1.5", "unparsable_number"),
    ("order_lines", "line_no", "-1", "negative_line_no"),
    ("order_lines", "line_no", "3000000000", "number_out_of_range"),
    ("offers", "percent", "100.1", "number_out_of_range"),
    ("customers", "birthday", "1800-05-06", "birthday_out_of_range"),
    ("customers", "birthday", "1899-12-31", "birthday_out_of_range"),
    ("customers", "birthday", "2026-11-22", "birthday_out_of_range"),
    ("customers", "birthday", "2025-02-29", "unparsable_date"),
    ("customers", "birthday", "06.05.1980", "unparsable_date"),
    ("customers", "birthday", "11/05", "unparsable_date"),
    ("customers", "birthday", "--02-30", "unparsable_date"),
    ("customers", "birthday", "0001-11-05", "birthday_out_of_range"),
    ("customers", "birthday", "1984-02-28T23:00:00Z", "unparsable_date"),
    ("customers", "birthday", "1984-02-29T00:00:00+02:00", "unparsable_date"),
    ("orders", "total", "1,234.50", "unparsable_number"),
    ("orders", "total", "1.234,50", "unparsable_number"),
    ("orders", "total", "$12.50", "unparsable_number"),
    ("orders", "total", "12.50 €", "unparsable_number"),
    ("orders", "total", "'12.50'", "unparsable_number"),
    ("customers", "timezone", "CEST", "invalid_zone"),
    ("customers", "permission", "maybe", "unknown_permission"),
    ("customers", "country", "GBR", "invalid_country"),
    ("customers", "currency", "€", "invalid_currency"),
    ("customers", "locale", "english!", "invalid_locale"),
    ("customers", "email", "ann@example.com\nBcc: x@example.com", "newline_in_address"),
    ("customers", "email", "ann@example.com\r", "newline_in_address"),
    ("customers", "email", "ann.example.com", "malformed_address"),
    ("customers", "email", "ann@example", "malformed_address"),
    ("customers", "email", "a@b@example.com", "malformed_address"),
    ("customers", "email", " ann@example.com", "malformed_address"),
    ("customers", "email", "Ann <ann@example.com>", "malformed_address"),
    ("customers", "email", "ann..b@example.com", "malformed_address"),
    ("customers", "email", "ann@-example.com", "malformed_address"),
    ("customers", "email", "ännchen@bücher.example", "malformed_address"),
    ("customers", "email", "ann@bücher_laden.example", "malformed_address"),
    ("customers", "email", "ann@ ü.example", "malformed_address"),
    ("customers", "email", "ann@☃.example", "malformed_address"),
    ("customers", "email", "a" * 65 + "@example.com", "malformed_address"),
    ("customers", "email", "a@" + "b" * 63 + "." + ("c" * 60 + ".") * 5 + "example.com", "malformed_address"),
    ("products", "is_consumable", "maybe", "unparsable_boolean"),
    ("products", "goods_kind", "liquid", "unknown_goods_kind"),
    ("products", "price", "-3", "negative_price"),
]


@pytest.mark.parametrize(("feed", "name", "text", "reason"), BROKEN)
def test_broken_values_have_a_name(feed: str, name: str, text: str, reason: str) -> None:
    """A value that breaks the contract is refused, by the named reason."""
    with pytest.raises(Refusal) as refusal:
        parse(feed, name, text)
    assert refusal.value.reason == reason


KEPT = [
    ("orders", "total", "0", "0"),
    ("orders", "total", "9999999999", "9999999999"),
    ("orders", "total", "+5", "5"),
    ("orders", "total", ".5", "0.5"),
    ("orders", "status", "Refunded", "refunded"),
    ("orders", "status", "canceled", "cancelled"),
    ("orders", "status", "Partially Refunded", "placed"),
    ("order_lines", "line_no", "3.0", "3"),
    ("order_lines", "line_no", "0", "0"),
    ("offers", "percent", "100", "100"),
    ("customers", "birthday", "1900-01-01", "1900-01-01"),
    ("customers", "birthday", "2026-11-21", "2026-11-21"),
    ("customers", "birthday", "1984-02-29 00:00:00", "1984-02-29"),
    ("customers", "birthday", "1984-02-29T00:00:00.000Z", "1984-02-29"),
    ("customers", "birthday", "1984-02-29 00:00:00+00:00", "1984-02-29"),
    ("customers", "birthday", "--11-05", "0004-11-05"),
    ("customers", "birthday", "--1105", "0004-11-05"),
    ("customers", "birthday", "0000-11-05", "0004-11-05"),
    ("customers", "birthday", "1604-11-05", "0004-11-05"),
    ("customers", "birthday", "--02-29", "0004-02-29"),
    ("customers", "timezone", "Europe/Berlin", "Europe/Berlin"),
    ("customers", "timezone", "europe/berlin", "Europe/Berlin"),
    ("customers", "permission", "CONFIRMED", "confirmed"),
    ("customers", "country", "de", "DE"),
    ("customers", "country", "uk", "GB"),
    ("customers", "country", "EL", "GR"),
    ("customers", "currency", "eur", "EUR"),
    ("customers", "locale", "zh_Hant_TW", "zh-Hant-TW"),
    ("customers", "email", "ann.o'neil+news@mail.example.com", "ann.o'neil+news@mail.example.com"),
]


@pytest.mark.parametrize(("feed", "name", "text", "stored"), KEPT)
def test_values_at_the_edge_are_kept(feed: str, name: str, text: str, stored: str) -> None:
    """A value the contract allows is stored in its one form. A birthday without its year has the year 4."""
    assert parse(feed, name, text) == stored


@pytest.mark.parametrize("text", ["true", "TRUE", "t", "1", "1.0", "yes", "Yes", "Y", "on"])
def test_ways_to_say_true(text: str) -> None:
    """Each of true, t, 1, yes, y and on is true, in any case."""
    assert parse("products", "is_consumable", text) == "true"


@pytest.mark.parametrize("text", ["false", "F", "0", "0.0", "no", "n", "OFF"])
def test_ways_to_say_false(text: str) -> None:
    """Each of false, f, 0, no, n and off is false, in any case."""
    assert parse("products", "is_consumable", text) == "false"
