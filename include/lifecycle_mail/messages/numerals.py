"""The digits and the calendar that readers of a language expect, by the defaults of CLDR.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
Persian numbers are written ۱۲۳, Persian dates follow the solar calendar of Iran, and Thai years count from the Buddha.
Babel knows which digits a language has, and neither writes them nor any calendar but the Gregorian one.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, get_timezone_gmt, get_timezone_name

# Numbering system of CLDR → its zero. The other nine follow it in Unicode.
_ZEROS = {
    "adlm": "\U0001e950", "arab": "٠", "arabext": "۰", "beng": "০", "cakm": "\U00011136", "deva": "०",
    "hmnp": "\U0001e140", "mtei": "\uabf0", "mymr": "၀", "nkoo": "\u07c0", "olck": "\u1c50", "tibt": "༠",
}  # fmt: skip
_BUDDHIST_YEARS = 543
# 1 Farvardin of the year 1, as Python counts days. The arithmetic is that of ICU.
_PERSIAN_EPOCH = 226_895
_PERSIAN_MONTHS = {
    "IR": ("فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"),
    "AF": ("حمل", "ثور", "جوزا", "سرطان", "اسد", "سنبله", "میزان", "عقرب", "قوس", "جدی", "دلو", "حوت"),
}


def numbering_system(locale: Locale) -> str:
    """Return the numbering system whose marks and digits the locale uses, in the words of CLDR."""
    system = str(locale.default_numbering_system)
    return system if system in _ZEROS and system in locale.number_symbols else "latn"


@lru_cache(maxsize=64)
def digits_of(locale: Locale) -> dict[int, str]:
    """Return what stands for 0 to 9 in the locale, as `str.translate` takes it; empty if they stay as they are."""
    zero = _ZEROS.get(numbering_system(locale))
    return {} if zero is None else {ord("0") + digit: chr(ord(zero) + digit) for digit in range(10)}


def long_date(day: date, locale: Locale) -> str:
    """Return a date with its year in the calendar and digits of the locale: November 21, 2026 or ۳۰ آبان ۱۴۰۵."""
    if locale.language == "fa":
        year, month, number = persian(day)
        written = f"{number} {_persian_month(month, locale)} {year}"
    elif locale.language == "th":
        written = f"{format_skeleton('MMMMd', day, locale=locale)} {day.year + _BUDDHIST_YEARS}"
    else:
        written = format_date(day, format="long", locale=locale)
    return written.translate(digits_of(locale))


def day_and_month(day: date, locale: Locale) -> str:
    """Return a date without its year: November 21 or ۳۰ آبان."""
    if locale.language == "fa":
        _, month, number = persian(day)
        written = f"{number} {_persian_month(month, locale)}"
    else:
        written = format_skeleton("MMMMd", day, locale=locale)
    return written.translate(digits_of(locale))


def clock(moment: datetime, locale: Locale) -> str:
    """Return the time of a moment with its zone: 2:00 PM EST or 21:05 GMT+07:00. Seconds are left out."""
    written = format_time(moment, "short", tzinfo=moment.tzinfo, locale=locale)
    zone = get_timezone_name(moment, width="short", locale=locale)
    if zone[:1] in "+-":
        zone = get_timezone_gmt(moment, width="long", locale=locale)
    return f"{written} {zone}".translate(digits_of(locale))


def persian(day: date) -> tuple[int, int, int]:
    """Return year, month and day of a date in the solar calendar of Iran and Afghanistan.

    Eight of 33 years have a leap day, at the end of their last month. Six months of 31 days come first.
    """
    since = day.toordinal() - _PERSIAN_EPOCH
    year = 1 + (33 * since + 3) // 12_053
    place = since - (365 * (year - 1) + (8 * year + 21) // 33)
    if place < 186:
        return year, 1 + place // 31, 1 + place % 31
    return year, 7 + (place - 186) // 30, 1 + (place - 186) % 30


def _persian_month(month: int, locale: Locale) -> str:
    return _PERSIAN_MONTHS["AF" if locale.territory == "AF" else "IR"][month - 1]
