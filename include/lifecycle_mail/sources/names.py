"""Names as mails say them: of people (`name`) and of products and places (`label`).

Stage 1 of the path, one value at a time. A shop stores names as its web page shows them, entities included, and a
sign-up form takes anything: a placeholder, or the link that a sender of spam wants to see in our subject lines.
"""

from __future__ import annotations

import html
import re
import unicodedata

from lifecycle_mail.sources.blanks import BLANKS, NOTHING
from lifecycle_mail.sources.refusals import Refusal

MAXIMUM_NAME = 60  # characters of a given or family name
MAXIMUM_LABEL = 200  # characters of the name of a product or place
# Reasons for which a known row loses the value that it had, because the value that came says what it is.
CLEARING = frozenset({"link_in_name"})

_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]")
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LINK = re.compile(
    r"://|\bwww\.|\b(?:https?|mailto|javascript|data):|@[\w-]+\.\w"
    r"|[\w-]\.(?:com|net|org|info|biz|shop|site|xyz|top|club|online|link|click|ru|cn|tk|io|me|ly|co|app|dev)\b",
    re.IGNORECASE,
)
_MERGE_TAG = re.compile(r"\{\{.*\}\}|\{%.*%\}|\*\|.*\|\*|%%.*%%|<%.*%>|\$\{.*\}|\[\[.*\]\]", re.DOTALL)
_PLACEHOLDERS = frozenset({
    "unknown", "anonymous", "guest", "first name", "firstname", "first_name", "last name", "lastname", "last_name",
    "your name", "no name", "noname", "name", "customer", "test", "not available", "not provided",
})  # fmt: skip
_PROGRAMS = frozenset({"nan", "NaN", "NA"})  # as pandas and R write it; Nan and Na are names
_ENTITIES_INSIDE = 2  # a shop that escapes a text which was escaped before


def parse_name(text: str) -> str:
    """A name of a person on one line, without entities, cut at 60 characters; '' = it is no name but a placeholder.

    Raises:
        Refusal: it holds a link or an address.
    """
    name = _decoded(text)
    if _LINK.search(name):
        raise Refusal("link_in_name")
    return "" if _says_nothing(name) else cut(name, MAXIMUM_NAME)


def _says_nothing(name: str) -> bool:
    if name in NOTHING or name in _PROGRAMS or name.lower() in _PLACEHOLDERS:
        return True
    return not any(map(str.isalnum, name)) or bool(_MERGE_TAG.fullmatch(name))


def parse_label(text: str) -> str:
    """The name of a product or place on one line, without entities, cut at 200 characters."""
    name = _decoded(text)
    return "" if name in NOTHING else cut(name, MAXIMUM_LABEL)


def _decoded(text: str) -> str:
    """Return `text` without entities, in composed characters, with one blank in place of breaks and double blanks.

    Signs that turn or override the direction of what follows them are no part of a name.
    """
    for _ in range(_ENTITIES_INSIDE):
        if "&" in text:
            text = html.unescape(text)
    return _BREAKS.sub(" ", _TURNING.sub("", unicodedata.normalize("NFC", text))).strip(BLANKS)


def cut(text: str, length: int) -> str:
    """Return at most `length` characters of `text`, and no part of what a reader sees as one character."""
    if len(text) <= length:
        return text
    end = length
    while end and _continues(text, end):
        end -= 1
    return text[: end or length].rstrip(BLANKS)


def _continues(text: str, place: int) -> bool:
    """Tell whether the character at `place` belongs to the one before it: accents, joined emoji, flags, Hangul."""
    here, before = text[place], text[place - 1]
    if unicodedata.category(here) in ("Mn", "Mc", "Me") or here in "\u200c\u200d" or before == "\u200d":
        return True
    if "\U0001f3fb" <= here <= "\U0001f3ff" or "\U000e0020" <= here <= "\U000e007f":  # skin tones, tags of flags
        return True
    if "\u1160" <= here <= "\u11ff":  # vowels and finals of a Hangul syllable
        return True
    return _is_flag_letter(here) and _flag_letters_before(text, place) % 2 == 1


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flag_letters_before(text: str, place: int) -> int:
    """Return how many letters of flags stand directly before `place`; two of them are one flag."""
    count = 0
    while place > count and _is_flag_letter(text[place - 1 - count]):
        count += 1
    return count
