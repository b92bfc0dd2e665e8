"""A preview as Markdown, for a terminal, and for the task in Airflow that asks for an approval."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from lifecycle_mail import segments
from lifecycle_mail.previews.looking import MANY_MAILS, SegmentPreview
from lifecycle_mail.previews.replaying import Point
from lifecycle_mail.segments import RuleSegment

_HEADERS = re.compile(r"(?<= \*/)\n(?:[ \t]*\n)+")  # the empty lines that a statement of a file begins with
_NEW = {
    "entry": "A customer who comes in again counts as new.",
    "once": "A customer counts as new one time for good.",
    "month": "A customer counts as new every month.",
}
_REASONS = {
    "no_permission": "no permission",
    "mailbox_rests": "their mailbox rests after soft bounces",
    "unknown_customer": "no address",
}


def markdown(preview: SegmentPreview, replay: Sequence[Point] = (), *, with_sql: bool = True) -> str:
    """Return the preview as Markdown: who, how many, who may be mailed, the past, a sample, and the select."""
    parts = [_head(preview), _reach(preview), _change(preview), _overlaps(preview), _past(preview, replay)]
    parts += [_sample(preview), _notes(preview.segment.rules), _select(preview) if with_sql else ""]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(preview: SegmentPreview) -> str:
    segment = preview.segment
    said = f"{segment.what[:1].upper()}{segment.what[1:]}"
    if segment.parameters:
        said += f" With {', '.join(f'{one.name} {one.default}' for one in segment.parameters)}."
    if segment.rules:
        meant = f"Meant as: {' '.join(said.split())} {_NEW[segment.rules.occurrence]}"
        said = f"{segments.sentence(segment.rules)}\n\n{meant}"
    return f"## Segment {segment.name}\n\n{said}\n\n{_size(preview)} Found in {preview.seconds:.2f} s."


def _size(preview: SegmentPreview) -> str:
    when, everyone = _minute(preview.as_of), customers(preview.list_size)
    if not preview.customers:
        return f"**No customer** is in it at {when}. The shop has {everyone} then."
    again = "" if preview.memberships == preview.customers else f", in it {preview.memberships:,} times in all"
    return (
        f"**{customers(preview.customers)}**{again}, at {when}. That is {_percent(preview.share)} of the shop's "
        f"{everyone}."
    )


def customers(count: int) -> str:
    """Return so many customers in words: "1 customer", "1,200 customers"."""
    return _counted(count, "customer")


def _subject(count: int) -> str:
    return customers(count) if count else "No customer"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _percent(share: float) -> str:
    return "less than 0.1%" if 0 < share < 0.001 else f"{share:.1%}"


def _minute(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def _reach(preview: SegmentPreview) -> str:
    if not preview.customers:
        return ""
    reach = preview.reach
    rows = [("may be mailed now", reach.mailable), *((_reason(why), count) for why, count in reach.refused.items())]
    shown = _table(("", "customers"), rows)
    return f"### Who may be mailed (topic {preview.topic})\n\n{shown}\n\n{_pressed(preview)}"


def _pressed(preview: SegmentPreview) -> str:
    """Return how many mails they get already."""
    pressure = preview.pressure
    if not pressure.mailed:
        got = "None of them got a mail in the last 30 days."
    else:
        got = (
            f"In the last 30 days {customers(pressure.mailed)} got {_counted(pressure.mails, 'mail')}. "
            f"{_subject(pressure.mailed_often)} got {MANY_MAILS} or more."
        )
    if not pressure.capped:
        return got
    return f"{got} In the last 7 days a cap or a more important mail held a mail to {customers(pressure.capped)} back."


def _reason(why: str) -> str:
    return f"not: {_REASONS.get(why, why.replace('_', ' '))}"


def _change(preview: SegmentPreview) -> str:
    if preview.change is None:
        return ""
    come_in, leave, stay = preview.change.come_in, preview.change.leave, preview.change.stay
    return (
        "### What this version changes\n\nCompared with the version that runs: "
        f"{customers(come_in)} {_verb(come_in, 'comes', 'come')} in, {leave:,} {_verb(leave, 'leaves', 'leave')}, "
        f"{stay:,} {_verb(stay, 'stays', 'stay')}."
    )


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _overlaps(preview: SegmentPreview) -> str:
    if not preview.customers:
        return ""
    rows = [(name, shared, others) for name, others, shared in preview.overlaps]
    columns = ("segment", "shared customers", "all its customers")
    return f"### Shared with other segments\n\n{_table(columns, rows)}" if rows else ""


def _past(preview: SegmentPreview, replay: Sequence[Point]) -> str:
    if not replay:
        return ""
    columns = ("until", "in it", "came in", "would be mailed", "held back by the cap", "many mails already")
    rows = [
        (f"{point.at:%Y-%m-%d}", point.members, point.entered, point.mails, point.capped, point.pressed)
        for point in replay
    ]
    said = (
        f"If each customer who came in had got one mail of topic {preview.topic}, with the permissions of today. "
        f"The last column counts those who may be mailed and had {MANY_MAILS} mails or more in the 30 days before."
    )
    return f"### What it would have done\n\n{said}\n\n{_table(columns, rows)}"


def _sample(preview: SegmentPreview) -> str:
    if not preview.sample:
        return ""
    columns = tuple(name.replace("_", " ") for name in preview.sample[0])
    rows = [tuple("" if value is None else value for value in one.values()) for one in preview.sample]
    return f"### Some of them, masked\n\n{_table(columns, rows)}"


def _notes(rules: RuleSegment | None) -> str:
    """Return which words of the rules know today alone: of these a moment of the past is judged by today's value."""
    if rules is None:
        return ""
    words = segments.without_past(rules)
    if not words:
        return ""
    return (
        f"**To know:** of {', '.join(f'`{word}`' for word in words)} only the latest state is known. So the past "
        "above is judged by the value of today."
    )


def _select(preview: SegmentPreview) -> str:
    return f"### The select\n\n```sql\n{runnable(preview)}\n```"


def runnable(preview: SegmentPreview) -> str:
    """Return the select as psql takes it."""
    return f"{_HEADERS.sub(chr(10), preview.sql)};"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table whose columns stand below each other as text too; those of numbers are on the right."""
    kept = [list(row) for row in rows]
    are_numbers = [all(isinstance(row[place], int) for row in kept) for place in range(len(columns))]
    cells = [list(columns), *([_cell(value) for value in row] for row in kept)]
    widths = [max(3, *(cell_len(line[place]) for line in cells)) for place in range(len(columns))]
    rule = [f"{'-' * (width - 1)}{':' if right else '-'}" for width, right in zip(widths, are_numbers, strict=True)]
    lines = [[_padded(*one) for one in zip(line, widths, are_numbers, strict=True)] for line in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def _padded(text: str, width: int, is_number: bool) -> str:
    room = " " * (width - cell_len(text))
    return f"{room}{text}" if is_number else f"{text}{room}"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|")
