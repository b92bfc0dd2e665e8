"""Values are trimmed here and nowhere else, and a value that says nothing becomes empty.

Stage 1 of the path, between the readers and the checks. A shop's export writes "nothing" in many ways: blanks, blanks
that cannot be seen, NULL, a dash. All of them are one empty text afterwards, in every form of file and in every column,
keys included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lifecycle_mail.sources.contract import Kind

Texts = Sequence[str | None]

# Characters without width or ink that copying from web pages and spreadsheets leaves behind. Python counts none of
# them as a blank.
UNSEEN = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\u2800"
    "\u3164\ufeff\uffa0"
)
BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + UNSEEN


BETWEEN = "~"
_BLANK_BEFORE, _BLANK_AFTER = f" {BETWEEN}", f"{BETWEEN} "


def _in_any_case(words: Iterable[str]) -> frozenset[str]:
    return frozenset(form for word in words for form in (word.lower(), word.upper(), word.capitalize()))


# What databases and programs export for null. `\N` is exact: `\n` could be the end of a path. Nan and Nat are names.
NULLS = _in_any_case(("null", "(null)", "<null>", "[null]", "#null!")) | {"\\N", "<NA>", "nan", "NaN", "NaT"}
_ERRORS = ("#n/a", "#ref!", "#name?", "#value!", "#num!", "#div/0!")
# What people and spreadsheets write into an empty cell. A choice may have such a word itself: permission has `none`.
NOTHING = NULLS | {"nil", "[object Object]", "-", "--", "–", "—"} | _in_any_case((
    "none", "(none)", "<none>", "n/a", "n.a.", "undefined", "(undefined)", "(empty)", "(blank)", "(not set)", *_ERRORS,
))  # fmt: skip
# A date that no day has, and the first one that a program can hold: how MySQL, .NET and Go write that there is none.
_NO_DATES = ("0000-00-00", "0001-01-01", "1900-01-00")
_NO_DATE = re.compile(
    rf"(?:{'|'.join(_NO_DATES)})(?:[T ]00:00(?::00(?:\.0{{1,9}})?)?)?(?:Z| ?UTC| ?[+-]00(?::?00)?)?"
)
_DATED: frozenset[Kind] = frozenset({"time", "date", "birthday"})


def cleaned(values: Texts, kind: Kind) -> Texts:
    """Return the values of a column of `kind` without blanks at their ends; '' in place of one that says nothing."""
    together = joined(values)
    if not _is_trimmed(together):
        values = [value.strip(BLANKS) if value else value for value in values]
    if kind in _DATED and any(day in together for day in _NO_DATES):
        values = ["" if value and _NO_DATE.fullmatch(value) else value for value in values]
    nothing = NULLS if kind == "choice" else NOTHING
    if nothing.isdisjoint(values):
        return values
    return ["" if value in nothing else value for value in values]


def joined(values: Texts) -> str:
    """Return all text of a column, with BETWEEN between values: one look at it tells what nearly always holds."""
    try:
        return BETWEEN.join(values)  # type: ignore[arg-type]
    except TypeError:  # a None
        return BETWEEN.join(filter(None, values))


def _is_trimmed(together: str) -> bool:
    """Tell whether surely no value has a blank at an end; one that itself has BETWEEN next to a blank is not sure."""
    if not (together.isascii() and together.isprintable()):
        return False
    if " " not in together:
        return True
    return not (_BLANK_BEFORE in together or _BLANK_AFTER in together or together[0] == " " or together[-1] == " ")
