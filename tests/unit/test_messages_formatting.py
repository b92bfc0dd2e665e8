"""What becomes part of a mail: cleaning, escaping, addresses, money, numbers, dates, colours."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from babel import Locale
from babel.numbers import format_currency, get_currency_precision
from markupsafe import Markup

from lifecycle_mail.messages.casing import casing_filters
from lifecycle_mail.messages.formatting import (
    TILES,
    clean,
    contrast,
    date_writer,
    day_writer,
    end_writer,
    html_value,
    ink_on,
    money_writer,
    number_writer,
    readable,
    subject_line,
    text_value,
    tile_of,
    times,
    web_url,
)
from lifecycle_mail.messages.numerals import persian

AMOUNTS = ("0", "0.05", "1", "2.5", "9.995", "12.34", "999.99", "1000", "1234.5", "9999.99", "12345.67",
           "123456.78", "1234567.89", "98765432.1", "-3.20")  # fmt: skip
LOCALES = ("en", "en-GB", "de", "de-CH", "fr", "es", "pl", "th", "fa", "he", "zh-Hant", "hi", "pt-BR", "sv", "ar", "ja")


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("currency", ["USD", "EUR", "JPY", "ILS", "THB", "KWD", "IRR", "TWD"])
def test_money_is_written_as_babel_writes_it(language: str, currency: str) -> None:
    """The fast writer agrees with Babel for every locale and currency the shop may meet. Amounts are rounded as
    PostgreSQL rounds totals, a code has a blank next to it, and digits are those of the language."""
    locale = Locale.parse(language.replace("-", "_"))
    unit = Decimal(1).scaleb(-get_currency_precision(currency))

    def slowly(amount: str) -> str:
        rounded = Decimal(amount).quantize(unit, ROUND_HALF_UP)
        plain = format_currency(rounded, currency, locale=locale, numbering_system="default")
        spaced = re.sub(r"([^\W\d_])([0-9])", "\\1\u00a0\\2", plain)
        return spaced.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")) if language == "fa" else spaced

    write = money_writer(language, currency)
    assert [write(amount) for amount in AMOUNTS] == [slowly(amount) for amount in AMOUNTS]


# As a browser writes them (ICU has the same data), but for a blank after the sign of a Persian amount.
WRITTEN = {
    "en": ("November 21, 2026", "November 21", "1,234.5", "$1,234.50", "KWD\xa01.500", "IRR\xa01,235"),
    "pt": ("21 de novembro de 2026", "21 de novembro", "1.234,5", "US$\xa01.234,50", "KWD\xa01,500", "IRR\xa01.235"),
    "th": ("21 พฤศจิกายน 2569", "21 พฤศจิกายน", "1,234.5", "US$1,234.50", "KWD\xa01.500", "IRR\xa01,235"),
    "zh-Hant": ("2026年11月21日", "11月21日", "1,234.5", "US$1,234.50", "KWD\xa01.500", "IRR\xa01,235"),
    "he": ("21 בנובמבר 2026", "21 בנובמבר", "1,234.5", "\u200f1,234.50\xa0\u200f$", "\u200f1.500\xa0\u200fKWD",
           "\u200f1,235\xa0\u200fIRR"),
    "fa": ("۳۰ آبان ۱۴۰۵", "۳۰ آبان", "۱٬۲۳۴٫۵", "\u200e$\xa0۱٬۲۳۴٫۵۰", "\u200eKWD\xa0۱٫۵۰۰", "\u200eریال\xa0۱٬۲۳۵"),
    "fa-AF": ("۳۰ عقرب ۱۴۰۵", "۳۰ عقرب", "۱٬۲۳۴٫۵", "\u200e$\xa0۱٬۲۳۴٫۵۰", "\u200eKWD\xa0۱٫۵۰۰",
              "\u200eریال\xa0۱٬۲۳۵"),
    "bn": ("২১ নভেম্বর, ২০২৬", "২১ নভেম্বর", "১,২৩৪.৫", "১,২৩৪.৫০\xa0US$", "১.৫০০\xa0KWD", "১,২৩৫\xa0IRR"),
}  # fmt: skip


@pytest.mark.parametrize("language", WRITTEN)
def test_each_language_has_its_calendar_digits_and_amounts(language: str) -> None:
    """Persian dates are of the solar calendar, Thai years are Buddhist, and each script has its own digits."""
    day, money = "2026-11-21", money_writer(language, "USD")
    assert WRITTEN[language] == (
        date_writer(language)(day), day_writer(language)(day), number_writer(language)("1234.5"),
        money("1234.5"), money("1.5", "KWD"), money("1234.5", "IRR"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "persian_day"),
    [
        ("2024-03-19", (1402, 12, 29)), ("2024-03-20", (1403, 1, 1)),
        ("2025-03-20", (1403, 12, 30)),  # a leap year
        ("2025-03-21", (1404, 1, 1)), ("2026-09-22", (1405, 6, 31)), ("2026-09-23", (1405, 7, 1)),
        ("2030-03-20", (1408, 12, 30)), ("2030-03-21", (1409, 1, 1)), ("1930-01-01", (1308, 10, 11)),
    ],
)  # fmt: skip
def test_days_of_the_persian_calendar(day: str, persian_day: tuple[int, int, int]) -> None:
    """Years begin in March, months have 31 days up to the sixth, and leap years are those of the 33-year cycle."""
    assert persian(date.fromisoformat(day)) == persian_day


def test_money_takes_strings_numbers_and_another_currency() -> None:
    """Snapshots carry amounts as strings or numbers; a basket may be in another currency than the shell."""
    write = money_writer("en", "USD")
    assert [write("4.39"), write(4.39), write(Decimal("4.39")), write(4)] == ["$4.39", "$4.39", "$4.39", "$4.00"]
    assert write("4.39", "EUR") == "€4.39"
    assert write("4.39", None) == "$4.39"


@pytest.mark.parametrize("value", ["abc", "", None, "NaN", "Infinity"])
def test_what_is_no_amount_is_refused_without_repeating_it(value: object) -> None:
    """An error about money never quotes the recipient's data."""
    with pytest.raises(ValueError, match=r"^an amount is not a (finite )?number$"):
        money_writer("en", "USD")(value)


def test_a_line_is_multiplied_exactly() -> None:
    """Three at 0.10 are 0.30, not 0.30000000000000004."""
    assert times("3", 0.1) == "0.3"
    assert times(2, "2.49") == "4.98"


def test_html_values_are_escaped_and_cleaned() -> None:
    """Markup stays, everything else is escaped; control characters and direction overrides go; None is nothing."""
    assert html_value('<b>"O\'Neil" & co</b>') == "&lt;b&gt;&#34;O&#39;Neil&#34; &amp; co&lt;/b&gt;"
    assert html_value("A\x00B\r\nC\u202eD") == "AB CD"
    assert html_value(Markup("<b>")) == "<b>"
    assert (html_value(None), html_value(3)) == ("", "3")


def test_text_values_are_cleaned_but_not_escaped() -> None:
    """A text part shows & and < as they are, and cannot hold a tag SendGrid would read as its own."""
    assert text_value("Fish & <chips>\n\x07now") == "Fish & <chips> now"
    assert text_value("<%asm_global_unsubscribe_url%>") == "< %asm_global_unsubscribe_url%>"
    assert text_value(None) == ""


def test_letters_of_other_scripts_survive_cleaning() -> None:
    """Joiners of Persian and emoji, and the marks in Hebrew amounts, are text and stay."""
    for text in ("می\u200cخواهم", "👩\u200d🍳", "สวัสดี", "\u200f15 \u200f₪", "a\u00a0b"):
        assert clean(text) == text


def test_a_subject_is_one_line_of_sensible_length() -> None:
    """No newline reaches a header; a long subject is cut at a word."""
    assert subject_line("  Hello\r\nBcc: x@example.com ") == "Hello Bcc: x@example.com"
    long = subject_line("word " * 60)
    assert len(long) <= 121
    assert long.endswith("word…")
    assert len(subject_line("x" * 500)) <= 121


def test_a_subject_without_blanks_is_not_cut_at_the_first_one() -> None:
    """Thai and Chinese write no blanks between words: a blank near the beginning is no place to cut, and neither is the
    middle of a character. Signs around isolated values take no room."""
    thai = subject_line("ใกล้หมด " + "น้ำผึ้ง" * 40)
    assert 110 <= len(thai) <= 120
    assert thai.endswith(("น้ำผึ้…", "น้ำผึ้ง…", "น้ำ…", "น้…", "น้ำผึ…"))
    assert subject_line("補充 " + "茶" * 200) == "補充 " + "茶" * 116 + "…"
    assert subject_line("a" * 117 + "👩‍👩‍👧" * 3) == "a" * 117 + "…"
    full = "\u2068" + "x" * 60 + "\u2069 " + "y" * 59
    assert subject_line(full) == full


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("https://shop.example.com/p/1?a=1&b=2", True),
        ("HTTP://shop.example.com/", True),
        ("https://shop.example.com/ü", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//shop.example.com/p", False),
        ("https://shop.example.com/ x", False),
        ('https://shop.example.com/"onload="x', False),
        ("https://shop.example.com/\njavascript:x", False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_only_web_addresses_are_linked(value: object, kept: bool) -> None:
    """A feed's address is kept when it is http or https and clean, and dropped otherwise."""
    assert web_url(value) == (value if kept else None)


@pytest.mark.parametrize(
    ("language", "zone", "hours", "expected"),
    [
        ("en", "America/New_York", 24, "December 3, 9:00\u202fAM EST"),
        ("en", "Asia/Bangkok", 24, "December 3, 9:00\u202fPM GMT+07:00"),
        ("en", None, 24, "December 3, 2:00\u202fPM UTC"),
        ("th", "Asia/Bangkok", 24, "3 ธันวาคม 21:00 GMT+07:00"),
        ("en", "America/New_York", 95, "December 3, 9:00\u202fAM EST"),
        ("en", "America/New_York", 96, "December 2, 2026"),
        ("en", "Pacific/Auckland", 720, "December 3, 2026"),
    ],
)
def test_an_end_is_never_told_later_than_it_is(language: str, zone: str | None, hours: float, expected: str) -> None:
    """The moment of an offer of hours is told with its zone; one of days ends with its last whole day there."""
    assert end_writer(language)("2026-12-03T14:00:00+00:00", zone, hours) == expected


def test_dates_and_numbers_follow_the_locale() -> None:
    """ISO strings become dates people read; quantities lose needless zeros."""
    assert date_writer("en")("2026-11-24T00:00:00+00:00") == "November 24, 2026"
    assert day_writer("de")("2026-11-24") == "24. November"
    assert (number_writer("de")("1234.50"), number_writer("en")(2.0)) == ("1.234,5", "2")
    with pytest.raises(ValueError, match=r"^a date is not ISO 8601$"):
        day_writer("en")("next week")


def test_an_instant_is_written_with_the_date_of_the_recipients_zone() -> None:
    """Eight in the evening in Los Angeles is that day there, and the next day in UTC; a plain date is never moved."""
    evening, zone = "2026-11-21T04:00:00+00:00", "America/Los_Angeles"
    assert (date_writer("en")(evening, zone), date_writer("en")(evening)) == ("November 20, 2026", "November 21, 2026")
    assert day_writer("en")(datetime.fromisoformat(evening), zone) == "November 20"
    assert day_writer("en")(evening.replace("+00:00", "Z"), "Asia/Tokyo") == "November 21"
    assert day_writer("en")("2026-11-21", zone) == day_writer("en")(date(2026, 11, 21), zone) == "November 21"
    assert day_writer("en")(evening, "Not/A_Zone") == "November 21"


def test_every_tile_and_every_derived_colour_can_be_read() -> None:
    """Letters on tiles, text on a brand's button and a brand's name on paper have a contrast of 4.5 or more."""
    assert min(contrast(paper, ink) for paper, ink in TILES) >= 4.5
    for colour in ("#1f6b45", "#ffd400", "#ff6a00", "#000000", "#ffffff", "#7aa7ff"):
        assert contrast(ink_on(colour), colour) >= 4.5
        assert contrast(readable(colour, "#f3f1ec"), "#f3f1ec") >= 4.5


def test_a_tile_shows_the_first_letter_and_stays_the_same() -> None:
    """A product without a picture always gets the same tile; a nameless one gets a dot."""
    assert tile_of("  «soft» drinks")["letter"] == "S"
    assert tile_of(None)["letter"] == "•"
    assert tile_of("Eggs") == tile_of("Eggs")
    assert [tile_of(name)["letter"] for name in ("ilik süt", "ßoda", "שלום", "น้ำ", "茶")] == ["I", "ß", "ש", "น", "茶"]
    assert tile_of("ilik süt", upper=casing_filters("tr")["upper"])["letter"] == "İ"


@pytest.mark.parametrize("language", ["tr", "az-Latn", "en"])
def test_capital_letters_are_those_of_the_language(language: str) -> None:
    """In Turkish and Azerbaijani, i and ı are two letters in either case."""
    filters = casing_filters(language)
    written = [filters[name]("ışık ISPARTA izmir") for name in ("upper", "lower", "capitalize", "title")]
    english = ["IŞIK ISPARTA IZMIR", "ışık isparta izmir", "Işık isparta izmir", "Işık Isparta Izmir"]
    turkish = ["IŞIK ISPARTA İZMİR", "ışık ısparta izmir", "Işık ısparta izmir", "Işık Isparta İzmir"]
    assert written == (english if language == "en" else turkish)
