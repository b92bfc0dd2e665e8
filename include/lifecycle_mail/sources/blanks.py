"""Values are trimmed here and nowhere else, and a value that says nothing becomes empty.

Stage 1 of the path, between the readers and the checks. A shop's export writes "nothing" in many ways: blanks, blanks
that cannot be seen, NULL, a dash. All of them are one empty text afterwards, in every form of file and in every column,
keys included.
"""

from __future__ import annotations

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


def _in_any_case(words: Iterable[str]) -> frozenset[str]:
    return frozenset(form for word in words for form in (word.lower(), word.upper(), word.capitalize()))


# What databases export for null. `\N` is exact: `\n` could be the end of a path.
NULLS = _in_any_case(("null", "(null)", "<null>", "[null]", "#null!")) | {"\\N"}
# What people and spreadsheets write into an empty cell. A choice may have such a word itself: permission has `none`.
NOTHING = NULLS | _in_any_case(("none", "n/a", "#n/a", "undefined")) | {"-", "--", "–", "—"}


def cleaned(values: Texts, kind: Kind) -> Texts:
    """Return the values of a column of `kind` without blanks at their ends; '' in place of one that says nothing."""
    trimmed = _trimmed(values)
    nothing = NULLS if kind == "choice" else NOTHING
    if nothing.isdisjoint(trimmed):
        return trimmed
    return ["" if value in nothing else value for value in trimmed]


def _trimmed(values: Texts) -> Texts:
    """Trim a column. One look at all of its text tells nearly always that there is nothing to trim."""
    try:
        together = "".join(values)  # type: ignore[arg-type]
    except TypeError:  # a None
        together = "".join(value for value in values if value)
    if not together or (together.isascii() and together.isprintable() and " " not in together):
        return values
    return [value.strip(BLANKS) if value else value for value in values]
