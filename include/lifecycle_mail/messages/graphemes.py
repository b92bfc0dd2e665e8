"""How many characters a reader sees. A flag, an emoji of several parts and a letter with its marks are one each.

The rules are those of Unicode (UAX #29, extended grapheme clusters), as far as subjects need them.
"""

from __future__ import annotations

import unicodedata

_JOINER, _NON_JOINER = "\u200d", "\u200c"
_EXTENDING = ("Mn", "Me", "Mc")
_THAI_AND_LAO_AM = "\u0e33\u0eb3"  # no marks, but part of the letter before them


def graphemes(text: str) -> int:
    """Return how many characters a reader sees in `text`."""
    count, flags, before = 0, 0, ""
    for character in unicodedata.normalize("NFC", text):
        is_flag_half = "\U0001f1e6" <= character <= "\U0001f1ff"
        flags = flags + 1 if is_flag_half else 0
        continues = _extends(character) or (before == _JOINER and _is_picture(character)) or (
            is_flag_half and flags % 2 == 0
        ) or (_is_jamo(before) and _is_jamo(character))
        count += not (before and continues)
        before = character
    return count


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character) in _EXTENDING
        or character in _THAI_AND_LAO_AM
        or character in (_JOINER, _NON_JOINER)
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # tones of skin
        or "\U000e0020" <= character <= "\U000e007f"  # flags of regions
    )


def _is_picture(character: str) -> bool:
    return unicodedata.category(character) == "So"


def _is_jamo(character: str) -> bool:
    return "\u1100" <= character <= "\u11ff"
