"""Values of the other direction inside a text: a Latin name in a Hebrew mail, an Arabic one in an English subject.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
A reader's program orders a line by its letters and takes neutral signs along, so that `Coffee (beans), 1 kg` comes out
as `!Coffee (beans), 1 kg` or worse. An isolated value is ordered by itself. Text parts and subjects carry U+2068 and
U+2069 around it, HTML carries `<bdi>`. A value of the text's own direction stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

OPEN, CLOSE = "\u2068", "\u2069"
LEFT_TO_RIGHT_MARK, RIGHT_TO_LEFT_MARK = "\u200e", "\u200f"

# Letters of Hebrew, Arabic, Syriac, Thaana, N'Ko, Adlam and their relatives. Their digits and marks have no direction.
# Among them are the marks RLM and ALM, which turn a line as a letter does. LRM does so to the other side.
_RIGHT_TO_LEFT = (
    "\u200f\u061c\u05be-\u05f4\u0608\u060b\u060d\u061b-\u064a\u066d-\u06d5\u06e5-\u06ef\u06fa-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
    "\U00010800-\U00010fff\U0001e800-\U0001efff"
)
_LETTER_TO_LEFT = re.compile(f"[{_RIGHT_TO_LEFT}]")
_LETTER_TO_RIGHT = re.compile(rf"(?![{_RIGHT_TO_LEFT}])(?:[^\W\d_]|{LEFT_TO_RIGHT_MARK})")
# Programs make links of addresses, and people copy codes: a sign at their end would become part of them. They read
# right without it, because they begin with a letter and have no blank.
_COPIED = re.compile(r"(?:[a-z][a-z0-9+.-]*://|mailto:|tel:)\S*|[^@\s]+@[^@\s]+|[A-Z][A-Z_-]*[0-9][A-Z0-9_-]*", re.I)
_TAG_OR_MARK = re.compile(
    f"(<mj-title>.*?</mj-title>)|(<mj-style.*?</mj-style>|<!--.*?-->|<[^<>]*>)|([{OPEN}{CLOSE}])", re.DOTALL
)
_MARK = re.compile(f"[{OPEN}{CLOSE}]")


class Isolating(str):
    """Words with isolated values in them. They were cleaned, and cleaning them again would take the signs out."""

    __slots__ = ()


def other_direction(direction: str) -> Callable[[str], bool]:
    """Return a function that tells whether a value has letters of the direction other than `direction`, ltr or rtl."""
    letters = _LETTER_TO_RIGHT if direction == "rtl" else _LETTER_TO_LEFT
    is_ltr = direction != "rtl"

    def is_other(value: str) -> bool:
        if is_ltr and value.isascii():
            return False
        return letters.search(value) is not None and _COPIED.fullmatch(value) is None

    return is_other


def isolated(value: str) -> str:
    """Return the value between the two signs."""
    return f"{OPEN}{value}{CLOSE}"


def with_bdi(html: str) -> str:
    """Return HTML or MJML with `<bdi>` in place of the signs.

    Attributes, styles and comments lose them. The title keeps them, because it has no markup.
    """
    return _TAG_OR_MARK.sub(_in_html, html) if OPEN in html else html


def without_marks(text: str) -> str:
    """Return `text` without the signs, for a value inside an attribute."""
    return _MARK.sub("", text)


def is_in_tag(html: str, token: str) -> bool:
    """Tell whether `token` stands inside a tag, as an attribute's value does."""
    place = html.find(token)
    return html.rfind("<", 0, max(place, 0)) > html.rfind(">", 0, max(place, 0))


def closed(line: str) -> str:
    """Return a line that was cut, with the sign that ends what the cut left open."""
    return line + CLOSE * (line.count(OPEN) - line.count(CLOSE))


def place_after(line: str, length: int) -> int | None:
    """Return the index after the first `length` characters, signs not counted; None if the line has no more."""
    seen = 0
    for place, character in enumerate(line):
        if character not in (OPEN, CLOSE):
            if seen == length:
                return place
            seen += 1
    return None


def _in_html(found: re.Match[str]) -> str:
    title, tag, mark = found.groups()
    if title is not None:
        return str(title)
    if tag is not None:
        return without_marks(tag)
    return "<bdi>" if mark == OPEN else "</bdi>"
