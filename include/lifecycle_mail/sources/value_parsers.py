"""One value of a feed file: from its text to a text that PostgreSQL certainly accepts, or a named refusal.

Stage 1 of the path, between the readers and the staging table. Pure: the time of the load and the zones that the
database knows are arguments. Every parser takes a non-empty text without blanks at its ends, and returns the text to
store. It raises `Refusal` if the contract is broken. Each tries a strict pattern first, which nearly every value
matches, and parses only the rest carefully. That, and remembering repeated values, is most of the speed of a load.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache, partial

from lifecycle_mail.locales import bcp47
from lifecycle_mail.mailboxes import with_ascii_domain
from lifecycle_mail.sources.contract import Column
from lifecycle_mail.sources.links import SURE_LINK, WEB, parse_link
from lifecycle_mail.sources.names import parse_label, parse_name
from lifecycle_mail.sources.refusals import Refusal

Parser = Callable[[str], str]

REMEMBERED = 65_536  # values remembered per column and file

_DAY_OF_YEAR = (  # all but 29 February
    r"(?:(?:0[13-9]|1[0-2])-(?:0[1-9]|[12][0-9]|30)|(?:0[13578]|1[02])-31|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_SURE_TIME = re.compile(
    rf"(?:19|20|21)[0-9]{{2}}-{_DAY_OF_YEAR}"
    r"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])"
)
_SURE_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,12})?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,3})?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_INTEGER = re.compile(r"([+-]?[0-9]{1,20})(?:\.0{0,20})?")
_DATE = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[T ]00:00(?::00(?:\.0{1,9})?)?(?:Z| ?UTC| ?[+-]00(?::?00)?)?)?"
)
_YEARLESS_DATE = re.compile(r"--(?P<month>[0-9]{2})-?(?P<day>[0-9]{2})")  # ISO 8601 of 2000, and vCard
_ADDRESS = re.compile(
    r"(?=.{3,320}\Z)(?=[^@]{1,64}@)"
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_BEFORE_OFFSET = re.compile(r"(?<=[0-9]) (?=[+-][0-9:]{2,8}\Z)")
_UTC = re.compile(r"(?<=[0-9]) ?(?:UTC|GMT|z)\Z")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,8}")

# Values that are stored as they are, for a look at a whole column at once. What they do not match may be right, too.
_SURE: dict[str, str] = {
    "time": _SURE_TIME.pattern,
    "date": rf"(?:19|20|21)[0-9]{{2}}-{_DAY_OF_YEAR}",
    "birthday": rf"(?:19[0-9]{{2}}|20[01][0-9])-{_DAY_OF_YEAR}",
    "number": _SURE_NUMBER.pattern,
    "integer": "[0-9]{1,9}",
    "address": (
        r"[A-Za-z0-9_+-]{1,30}(?:\.[A-Za-z0-9_+-]{1,30})?"
        r"@(?:[A-Za-z0-9]{1,20}(?:-[A-Za-z0-9]{1,20}){0,2}\.){1,3}[A-Za-z]{2,20}"
    ),
    "link": SURE_LINK,
    "currency": "[A-Z]{3}",
    "locale": "[a-z]{2}(?:-[A-Z]{2})?",
}

_BETWEEN_WORDS = re.compile(r"[\s_-]+")

_BOOLEANS = {
    "true": "true", "t": "true", "1": "true", "1.0": "true", "yes": "true", "y": "true", "on": "true",
    "false": "false", "f": "false", "0": "false", "0.0": "false", "no": "false", "n": "false", "off": "false",
}
_RESERVED_COUNTRIES = {"UK": "GB", "EL": "GR"}  # ISO 3166 reserves both for the country that says so of itself
NO_YEAR = 4  # stands for an unknown year of birth in source.customer.birthday
_NO_YEARS = ("0000", "0004", "1604")  # how other systems write it: many, our own table, Apple's address book
EARLIEST_BIRTHDAY = date(1900, 1, 1)
YEARS = range(1900, 2200)


@dataclass(frozen=True)
class ParseContext:
    """What a parser needs besides the value: the UTC date of the load, the names of the known time zones, and the
    schemes that a link may have."""

    today: date
    zones: frozenset[str]
    link_schemes: frozenset[str] = WEB


def parser_of(column: Column, context: ParseContext) -> Parser | None:
    """Return the parser of `column`; None if it accepts any text."""
    parsers: dict[str, Parser] = {
        "name": parse_name,
        "label": parse_label,
        "link": partial(parse_link, schemes=context.link_schemes),
        "address": parse_address,
        "time": parse_time,
        "date": parse_date,
        "birthday": partial(parse_birthday, today=context.today),
        "number": partial(
            parse_number, refusal=column.refusal, maximum=column.maximum, is_positive=column.is_positive
        ),
        "integer": partial(parse_integer, refusal=column.refusal, maximum=column.maximum),
        "boolean": parse_boolean,
        "choice": partial(
            parse_choice, refusal=column.refusal, choices=column.choices, synonyms=dict(column.synonyms)
        ),
        "zone": partial(parse_zone, zones=context.zones),
        "country": parse_country,
        "currency": parse_currency,
        "locale": parse_locale,
    }
    parser = parsers.get(column.kind)
    if parser is None or column.kind in ("address", "link"):  # seldom the same value twice
        return parser
    return lru_cache(maxsize=REMEMBERED)(parser)


def sure_of(column: Column, context: ParseContext) -> re.Pattern[str] | None:
    """Return a pattern of lines, each of them a value that the parser of `column` returns unchanged; None = no such.

    No value that says nothing matches it. Empty lines do if the column may be empty.
    """
    one = _SURE.get(column.kind)
    if one is None or (column.kind in ("number", "integer") and (column.maximum < 999_999_999 or column.is_positive)):
        return None
    if column.kind == "link" and not context.link_schemes >= WEB:
        return None
    may_be_empty = not column.required and column.default is None
    return re.compile(rf"(?:(?:{one}){'?' if may_be_empty else ''}\n)*+")


def parse_time(text: str) -> str:
    """An instant, ISO 8601 with an offset; years 1900 to 2199. Warehouses write ` UTC` or a blank before the offset."""
    if _SURE_TIME.fullmatch(text):
        return text
    try:
        moment = datetime.fromisoformat(_BEFORE_OFFSET.sub("", _UTC.sub("Z", text)))
    except ValueError:
        raise Refusal("unparsable_time") from None
    if moment.tzinfo is None:
        raise Refusal("time_without_offset")
    if moment.year not in YEARS:
        raise Refusal("time_out_of_range")
    return moment.astimezone(UTC).isoformat()


def parse_date(text: str) -> str:
    """A date, ISO 8601, of the years 1900 to 2199. Midnight may follow it, as spreadsheets write dates, also of UTC."""
    day = _date(text)
    if day.year not in YEARS:
        raise Refusal("date_out_of_range")
    return day.isoformat()


def parse_birthday(text: str, *, today: date) -> str:
    """A date as `parse_date` takes it, from 1900 to today.

    Without a year (`--11-05`, or a year that stands for none) the year is 4, which has a 29 February.
    """
    found = _DATE.fullmatch(text) or _YEARLESS_DATE.fullmatch(text)
    if found and found.groupdict().get("year", "") in ("", *_NO_YEARS):
        return _day(NO_YEAR, found).isoformat()
    day = _date(text)
    if not EARLIEST_BIRTHDAY <= day <= today:
        raise Refusal("birthday_out_of_range")
    return day.isoformat()


def _date(text: str) -> date:
    found = _DATE.fullmatch(text)
    if not found:
        raise Refusal("unparsable_date")
    return _day(int(found["year"]), found)


def _day(year: int, found: re.Match[str]) -> date:
    try:
        return date(year, int(found["month"]), int(found["day"]))
    except ValueError:
        raise Refusal("unparsable_date") from None


def parse_number(text: str, *, refusal: str, maximum: int, is_positive: bool = False) -> str:
    """A decimal number from 0 to `maximum`; `refusal` names a negative one, and zero if it has to be positive."""
    if maximum >= 999_999_999 and not is_positive and _SURE_NUMBER.fullmatch(text):
        return text
    number = _decimal(text)
    if number < 0 or (is_positive and number == 0):
        raise Refusal(refusal)
    if number > maximum:
        raise Refusal("number_out_of_range")
    return str(number)


def _decimal(text: str) -> Decimal:
    if _NUMBER.fullmatch(text):
        return Decimal(text)
    raise Refusal("not_finite" if _NOT_FINITE.fullmatch(text) else "unparsable_number")


def parse_integer(text: str, *, refusal: str, maximum: int) -> str:
    """A whole number from 0 to `maximum`; 3.0 is accepted, because tables with gaps write 3 that way."""
    found = _INTEGER.fullmatch(text)
    if not found:
        raise Refusal("not_finite" if _NOT_FINITE.fullmatch(text) else "unparsable_number")
    number = int(found.group(1))
    if number < 0:
        raise Refusal(refusal)
    if number > maximum:
        raise Refusal("number_out_of_range")
    return str(number)


def parse_boolean(text: str) -> str:
    """true, t, 1, yes, y, on; false, f, 0, no, n, off; in any case of letters, and 1.0 or 0.0."""
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise Refusal("unparsable_boolean") from None


def parse_choice(text: str, *, refusal: str, choices: tuple[str, ...], synonyms: Mapping[str, str]) -> str:
    """One of the column's words, in any case of letters, or a known synonym of one."""
    word = text.lower()
    if word in choices:
        return word
    try:
        return synonyms[_BETWEEN_WORDS.sub("", word)]
    except KeyError:
        raise Refusal(refusal) from None


def parse_address(text: str) -> str:
    """One e-mail address that the provider takes: ASCII, no spaces, a domain with a dot, 320 characters at most.

    A domain in a script of its own is stored as its punycode.
    """
    if _ADDRESS.fullmatch(text):
        return text
    if not text.isascii() and _ADDRESS.fullmatch(spelled := with_ascii_domain(text)):
        return spelled
    raise Refusal("newline_in_address" if "\n" in text or "\r" in text else "malformed_address")


def parse_zone(text: str, *, zones: frozenset[str]) -> str:
    """A zone of the IANA time zone database without regard to case, stored as it is spelled there."""
    if text in zones:
        return text
    for known in _by_lower_case(zones).get(text.lower(), ()):
        return known
    raise Refusal("invalid_zone")


@lru_cache(maxsize=4)
def _by_lower_case(zones: frozenset[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(zones):
        found.setdefault(name.lower(), []).append(name)
    return found


def parse_country(text: str) -> str:
    """ISO 3166-1 alpha-2, stored in upper case; UK is GB, and EL is GR."""
    code = _code(_COUNTRY, text, "invalid_country").upper()
    return _RESERVED_COUNTRIES.get(code, code)


def parse_currency(text: str) -> str:
    """ISO 4217, stored in upper case."""
    return _code(_CURRENCY, text, "invalid_currency").upper()


def parse_locale(text: str) -> str:
    """BCP 47, such as en-GB; en_GB and en_GB.UTF-8 are accepted."""
    return _code(_LOCALE, bcp47(text), "invalid_locale")


def _code(pattern: re.Pattern[str], text: str, reason: str) -> str:
    if not pattern.fullmatch(text):
        raise Refusal(reason)
    return text
