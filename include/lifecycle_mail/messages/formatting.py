"""What may become part of a mail, and how it is written: text, links, money, numbers, dates, colours.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
Everything here is a pure function of its arguments and runs once for each value of each recipient.
So one C-level test decides the common case, and Babel is asked only once per locale and currency.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.numbers import format_currency, format_decimal, get_currency_precision
from markupsafe import Markup, escape

from lifecycle_mail.messages.directions import Isolating, closed, isolated, other_direction, place_after
from lifecycle_mail.messages.numerals import clock, day_and_month, digits_of, long_date, numbering_system
from lifecycle_mail.settings import UNSAFE_SCHEMES
from lifecycle_mail.sources.names import cut

try:  # Markup objects cost more than the escaping itself; markupsafe's own inner function creates none.
    from markupsafe import _escape_inner as _escape
except ImportError:

    def _escape(text: str, /) -> str:
        return str(escape(text))


SUBJECT_LIMIT = 120
HOURS_TOLD_BY_DAY = 96

# Control characters, line and paragraph separators, and the invisible characters that turn or override
# the direction of text (they can make one text read as another). ZWJ, ZWNJ and the marks LRM and RLM stay:
# Persian, Hebrew amounts and emoji need them.
_BREAKS = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")
_CODE_AT_NUMBER = re.compile(r"(?<=[^\W\d_])(?=[0-9])|(?<=[0-9])(?=[^\W\d_])")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# The only form that SendGrid itself would read as an instruction in a text part: <%asm_…%>.
_PROVIDER_TAG = re.compile("<(?=%)")


def clean(text: str) -> str:
    """Return `text` without line breaks (they become a space), control and direction-changing characters."""
    if text.isprintable():
        return text
    return _UNSEEN.sub("", _BREAKS.sub(" ", text))


def html_writer(direction: str) -> Callable[[Any], str]:
    """Return the function that writes one value as HTML into a text of `direction`, ltr or rtl.

    It leaves markup as it is, cleans and escapes everything else, isolates text of the other direction, and writes None
    as nothing.
    """
    is_other, is_ltr = other_direction(direction), direction != "rtl"

    def html_value(value: Any) -> str:
        kind = type(value)
        if kind is str:
            written = _escape(value if value.isprintable() else clean(value))
            if is_ltr and value.isascii():
                return written
            return isolated(written) if is_other(value) else written
        if kind is Markup:
            return value
        if value is None:
            return ""
        return _escape(str(value) if kind is Isolating else clean(str(value)))

    return html_value


def text_writer(direction: str) -> Callable[[Any], str]:
    """Return the function that writes one value as plain text: cleaned and isolated likewise, never escaped."""
    is_other, is_ltr = other_direction(direction), direction != "rtl"

    def text_value(value: Any) -> str:
        kind = type(value)
        if kind is str and is_ltr and value.isascii() and value.isprintable():
            return _PROVIDER_TAG.sub("< ", value) if "<%" in value else value
        if kind is Markup:
            return value
        if value is None:
            return ""
        text = value if (kind is str and value.isprintable()) or kind is Isolating else clean(str(value))
        written = _PROVIDER_TAG.sub("< ", text) if "<%" in text else text
        return isolated(written) if kind is str and is_other(value) else str(written)

    return text_value


html_value, text_value = html_writer("ltr"), text_writer("ltr")


def subject_line(text: str) -> str:
    """Return `text` as a subject header: one line, trimmed, at most 120 characters, cut at a word.

    Signs around isolated values do not count. Thai and Chinese have no blanks between words: a blank in the first half
    is no place to cut, and what a reader sees as one character stays whole.
    """
    line = " ".join(text.split())
    if len(line) <= SUBJECT_LIMIT or place_after(line, SUBJECT_LIMIT) is None:
        return line
    head = cut(line, place_after(line, SUBJECT_LIMIT - 1) or 0)
    blank = head.rfind(" ")
    word = head[:blank] if blank >= len(head) // 2 else head
    return closed(word.rstrip(" ,;:-،、，")) + "…"


def web_url(value: Any) -> str | None:
    """Return the link if it is whole and safe: a scheme, `//`, and neither blanks nor quotes. Else None.

    A load permits the schemes of LIFECYCLE_LINK_SCHEMES alone. Here, those are refused that run what they hold.
    Raises whatever an undefined template variable raises on access.
    """
    if value is None:
        return None
    text = str(value)
    if not text.startswith(("https://", "http://")):
        found = _SCHEME.match(text)
        if not found or found[1].lower() in UNSAFE_SCHEMES:
            return None
    unfit = not text.isprintable() or " " in text or '"' in text or "'" in text or "<" in text or ">" in text
    return None if unfit or "\\" in text else text


@lru_cache(maxsize=256)
def money_writer(language: str, currency: str) -> Callable[..., str]:
    """Return a function that writes an amount of money as readers of `language` expect it.

    The function takes the amount (decimal string, number) and, if it differs, another currency (ISO 4217). It remembers
    the prices it has written. If the amount is not a number, it raises ValueError, without repeating the amount.
    """

    @lru_cache(maxsize=20_000)
    def money(value: Any, other: str | None = None) -> str:
        return _amount_writer(language, other or currency)(value)

    return money


@lru_cache(maxsize=256)
def _amount_writer(language: str, currency: str) -> Callable[[Any], str]:
    """Return the fast writer for one locale and currency."""
    locale = _locale(language)
    digits, native = get_currency_precision(currency), digits_of(locale)
    template = _babel_amount(Decimal("1234567.89"), currency, locale)
    simple = _simple_pattern(template, digits)

    def write(value: Any) -> str:
        number = _shown(_decimal(value), digits)
        if simple is None or number < 0 or number >= 10_000_000 or _differs_when_small(locale, number):
            return _babel_amount(number, currency, locale).translate(native)
        before, thousands, point, after = simple
        plain = f"{number:,.{digits}f}"
        if thousands != "," or point != ".":
            plain = plain.replace(",", "\0").replace(".", point).replace("\0", thousands)
        return before + plain.translate(native) + after

    return write


def shown_amount(value: Any, currency: str) -> Decimal:
    """Return an amount as it is shown in `currency` (ISO 4217)."""
    return _shown(_decimal(value), get_currency_precision(currency))


def _shown(number: Decimal, digits: int) -> Decimal:
    """Return an amount as it is shown: rounded as PostgreSQL rounds the totals next to it."""
    return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _babel_amount(number: Decimal, currency: str, locale: Locale) -> str:
    """Return Babel's amount with a blank between a code and the number: KWD 1.500. Symbols need none (CLDR)."""
    written = format_currency(number, currency, locale=locale, numbering_system=numbering_system(locale))
    return _CODE_AT_NUMBER.sub("\u00a0", written)


def _simple_pattern(template: str, digits: int) -> tuple[str, str, str, str] | None:
    """Read prefix, thousands mark, decimal mark, suffix from a written 1234567.89; None if it is not so simple."""
    tail = r"(?P<point>\D+)89" if digits == 2 else ""
    last = "567" if digits == 2 else "568"
    shape = re.fullmatch(rf"(?P<before>\D*)1(?P<mark>\D+)234(?P=mark){last}{tail}(?P<after>\D*)", template)
    if shape is None or digits not in (0, 2):
        return None
    return shape["before"], shape["mark"], shape["point"] if digits == 2 else ".", shape["after"]


def _differs_when_small(locale: Locale, number: Decimal) -> bool:
    """Tell whether the locale leaves four-digit amounts ungrouped, as Spanish and Polish do."""
    return 1000 <= number < 10_000 and format_decimal(1000, locale=locale) == "1000"


def _decimal(value: Any) -> Decimal:
    try:
        number = value if type(value) is Decimal else Decimal(str(value))
    except InvalidOperation:
        raise ValueError("an amount is not a number") from None
    if not number.is_finite():
        raise ValueError("an amount is not a finite number")
    return number


def number_writer(language: str) -> Callable[[Any], str]:
    """Return a function that writes numbers (quantities, days) with the locale's marks."""
    locale = _locale(language)
    system, native = numbering_system(locale), digits_of(locale)

    @lru_cache(maxsize=5_000)
    def number(value: Any) -> str:
        return format_decimal(_decimal(value), locale=locale, numbering_system=system).translate(native)

    return number


def date_writer(language: str) -> Callable[..., str]:
    """Return a function that writes an ISO 8601 string, date or datetime as November 21, 2026, in the calendar and
    digits of `language` (`numerals`).

    The function takes the date and, for an instant, the zone that decides which date it is (customer.timezone).
    """
    locale = _locale(language)

    @lru_cache(maxsize=5_000)
    def date_(value: Any, zone: str | None = None) -> str:
        return long_date(_date(value, zone), locale)

    return date_


def day_writer(language: str) -> Callable[..., str]:
    """Return a function that writes a date without its year, such as November 21, in the locale's order.

    It takes the same arguments as that of `date_writer`.
    """
    locale = _locale(language)

    @lru_cache(maxsize=5_000)
    def day(value: Any, zone: str | None = None) -> str:
        return day_and_month(_date(value, zone), locale)

    return day


def end_writer(language: str) -> Callable[..., str]:
    """Return a function that writes until when something holds, never later than it does.

    It takes the moment it ends (ISO 8601 or datetime), the reader's zone, and for how many hours it held in all. What
    holds for days is told by its last whole day; what holds for hours by date, time and zone.
    """
    locale = _locale(language)
    joined = str(locale.datetime_formats["medium"])

    def end(value: Any, zone: str | None = None, hours: float = 0) -> str:
        moment = _date(value, zone)
        if hours >= HOURS_TOLD_BY_DAY or not isinstance(moment, datetime):
            return long_date(moment - timedelta(days=1 if isinstance(moment, datetime) else 0), locale)
        return joined.replace("{1}", day_and_month(moment, locale)).replace("{0}", clock(moment, locale))

    return end


def days_until(value: Any, now: Any, zone: str | None = None) -> int:
    """Return how many days a date or moment lies ahead of `now`, by the dates in `zone`; negative if it has passed."""
    return (_day(value, zone) - _day(now, zone)).days


def _day(value: Any, zone: str | None) -> date:
    found = _date(value, zone)
    return found.date() if isinstance(found, datetime) else found


def is_instant(value: Any) -> bool:
    """Tell whether the value is a moment with an offset: its date differs between zones."""
    try:
        found = value if isinstance(value, date) else datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return isinstance(found, datetime) and found.tzinfo is not None


def _date(value: Any, zone: str | None) -> date:
    try:
        found = value if isinstance(value, date) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError("a date is not ISO 8601") from None
    place = _zone(zone) if zone and isinstance(found, datetime) and found.tzinfo else None
    return found.astimezone(place) if place and isinstance(found, datetime) else found


@lru_cache(maxsize=1_000)
def _zone(name: str) -> ZoneInfo | None:
    """Return the zone; None if the database knows it and this machine does not."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    return Locale.parse(language.replace("-", "_"))


@lru_cache(maxsize=50_000)
def times(quantity: Any, price: Any) -> str:
    """Return the total of a basket's line, exactly, as a decimal string."""
    return str(_decimal(quantity) * _decimal(price))


@lru_cache(maxsize=256)
def addition_checker(currency: str) -> Callable[..., bool]:
    """Return a function that tells whether a line may show its price per piece: quantity times the price, as it is
    shown, is the total that is shown.

    The function takes quantity, price, total and, if it differs, another currency (ISO 4217).
    """

    @lru_cache(maxsize=20_000)
    def adds_up(quantity: Any, price: Any, total: Any, other: str | None = None) -> bool:
        digits = get_currency_precision(other or currency)
        return _decimal(quantity) * _shown(_decimal(price), digits) == _shown(_decimal(total), digits)

    return adds_up


# Paper and ink of the tile that stands for a missing picture; every pair reads at 4.5:1 or better.
TILES = (("#e3efe6", "#23573c"), ("#fbe9dd", "#8a3d12"), ("#e4ecf7", "#274b7d"), ("#f6e6ee", "#7d2a55"),
         ("#f5eed3", "#665008"), ("#e9e6f5", "#4b3a8c"))  # fmt: skip


@lru_cache(maxsize=20_000)
def tile_of(name: Any, upper: Callable[[str], str] = str.upper) -> dict[str, str]:
    """Return letter, paper and ink of the tile for a product without a picture; `upper` is the language's own."""
    sign = next((sign for sign in str(name or "") if sign.isalnum()), "•")
    letter = upper(sign) if len(upper(sign)) == 1 else sign  # not SS for ß
    paper, ink = TILES[sum(map(ord, str(name or ""))) % len(TILES)]
    return {"letter": letter, "paper": paper, "ink": ink}


def ink_on(colour: str) -> str:
    """Return the text colour, near black or white, that reads best on `colour` (#rrggbb)."""
    return "#ffffff" if contrast(colour, "#ffffff") >= contrast(colour, "#1d1d1b") else "#1d1d1b"


def readable(colour: str, paper: str = "#ffffff") -> str:
    """Return `colour` (#rrggbb), darkened until it reads at 4.5:1 or better on `paper`."""
    red, green, blue = _channels(colour)
    while contrast(f"#{red:02x}{green:02x}{blue:02x}", paper) < 4.5 and red + green + blue > 0:
        red, green, blue = (int(channel * 0.94) for channel in (red, green, blue))
    return f"#{red:02x}{green:02x}{blue:02x}"


def contrast(one: str, other: str) -> float:
    """Return the WCAG contrast ratio of two colours (#rrggbb), between 1 and 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    shares = (channel / 255 for channel in _channels(colour))
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[int, int, int]:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError("a colour is not written as #rrggbb")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
