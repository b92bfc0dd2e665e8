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
    r"://|\bwww\.|\b(?:https?|mailto|javascript|data):|@[\w-]+\.\w|[\w-]\.[a-z0-9]{2,}/|\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"
    r"|[\w-]\.(?:com|net|org|info|biz|shop|site|xyz|top|club|online|link|click|ru|cn|tk|io|me|ly|co|app|dev)\b",
    re.IGNORECASE,
)
_MERGE_TAG = re.compile(r"\{\{.*\}\}|\{%.*%\}|\*\|.*\|\*|%%.*%%|<%.*%>|\$\{.*\}|\[\[.*\]\]", re.DOTALL)
_SHORT_MERGE_TAG = re.compile(r"%[A-Za-z_]+%|\{[A-Za-z_. ]+\}|\[[A-Za-z_. ]+\]")
# Elements of HTML, and no other text in brackets: a shop's editor leaves them in names. Those of the first kind stand
# inside a word (`H<sub>2</sub>O`).
_INLINE = re.compile(r"</?(?:a|b|em|font|i|mark|small|span|strong|su[bp]|u|wbr)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_BLOCK = re.compile(
    r"<!--.*?-->|</?(?:br|div|h[1-6]|hr|img|li|[ou]l|p|script|style|t[dhr]|table|tbody)(?:\s[^<>]*)?/?>",
    re.IGNORECASE | re.DOTALL,
)
_WORDS = re.compile(r"[^\W_]+")
# Words in lower case, with one blank between them and without any other sign.
_PLACEHOLDERS = frozenset({
    "unknown", "anonymous", "anonymous user", "guest", "guest user", "first name", "firstname", "last name",
    "lastname", "your name", "no name", "noname", "name", "no first name", "no last name", "customer",
    "valued customer", "user", "test", "test user", "not available", "not provided", "not set", "empty", "none",
    "null", "undefined",
    "unbekannt", "anonym", "gast", "kunde", "vorname", "nachname", "inconnu", "anonyme", "invité", "prénom",
    "desconocido", "anónimo", "invitado", "cliente", "nombre", "sconosciuto", "anonimo", "ospite", "onbekend",
    "anoniem", "nieznany", "gość", "неизвестно", "аноним", "гость", "不明", "匿名", "访客", "游客", "ゲスト", "손님",
})  # fmt: skip
_PROGRAMS = frozenset({"nan", "NaN", "NA"})  # as pandas and R write it; Nan and Na are names
_ENTITIES_INSIDE = 2  # a shop that escapes a text which was escaped before


def parse_name(text: str) -> str:
    """A name of a person on one line, without entities and markup, cut at 60 characters; '' = it is a placeholder.

    Raises:
        Refusal: it holds a link or an address.
    """
    text = _unescaped(text)
    if _LINK.search(text):
        raise Refusal("link_in_name")
    name = _on_one_line(text)
    return "" if _says_nothing(name) else cut(name, MAXIMUM_NAME)


def _says_nothing(name: str) -> bool:
    if name in NOTHING or name in _PROGRAMS or not any(map(str.isalpha, name)):
        return True
    words = _WORDS.findall(name.lower())
    said = words[: len(words) // 2] if words[: len(words) // 2] * 2 == words else words  # both names in one
    return " ".join(said) in _PLACEHOLDERS or bool(_MERGE_TAG.search(name) or _SHORT_MERGE_TAG.fullmatch(name))


def parse_label(text: str) -> str:
    """The name of a product or place on one line, without entities and markup, cut at 200 characters."""
    name = _on_one_line(_unescaped(text))
    return "" if name in NOTHING else cut(name, MAXIMUM_LABEL)


def _unescaped(text: str) -> str:
    for _ in range(_ENTITIES_INSIDE):
        if "&" in text:
            text = html.unescape(text)
    return text


def _on_one_line(text: str) -> str:
    """Return `text` without markup, in composed characters, with one blank in place of breaks and double blanks.

    Signs that turn or override the direction of what follows them are no part of a name.
    """
    if "<" in text:
        text = _BLOCK.sub(" ", _INLINE.sub("", text))
    if text.isascii() and text.isprintable() and "  " not in text:  # as nearly every name is
        return text.strip()
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
