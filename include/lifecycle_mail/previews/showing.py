"""A preview as Markdown, for a terminal, and for the task in Airflow that asks for an approval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lifecycle_mail import segments
from lifecycle_mail.previews.looking import MANY_MAILS, SegmentPreview
from lifecycle_mail.previews.replaying import Point
from lifecycle_mail.segments import RuleSegment

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
    said = segments.sentence(segment.rules) if segment.rules else segment.what
    count = f"**{preview.customers:,} customers**, {preview.share:.1%} of the list of {preview.list_size:,}"
    if preview.memberships != preview.customers:
        count += f" ({preview.memberships:,} memberships)"
    at = segments.instant_text(preview.as_of)
    return f"## Segment {segment.name}\n\n{said}\n\n{count}, at {at}. Found in {preview.seconds:.2f} s."


def _reach(preview: SegmentPreview) -> str:
    reach, pressure = preview.reach, preview.pressure
    rows = [("may be mailed", reach.mailable), *((_reason(why), count) for why, count in reach.refused.items())]
    late = (
        f"In the last 7 days {pressure.capped:,} of them had a mail held back by a cap or a more important mail. "
        f"In the last 30 days {pressure.mailed:,} got {pressure.mails:,} mails; {pressure.mailed_often:,} got "
        f"{MANY_MAILS} or more."
    )
    return f"### Who may be mailed (topic {preview.topic})\n\n{_table(('', 'customers'), rows)}\n\n{late}"


def _reason(why: str) -> str:
    return f"not: {_REASONS.get(why, why.replace('_', ' '))}"


def _change(preview: SegmentPreview) -> str:
    if preview.change is None:
        return ""
    change = preview.change
    return (
        f"### What this version changes\n\n{change.come_in:,} customers come in, {change.leave:,} leave, "
        f"{change.stay:,} stay."
    )


def _overlaps(preview: SegmentPreview) -> str:
    rows = [(name, f"{shared:,} of {customers:,}") for name, customers, shared in preview.overlaps]
    return f"### Shared with other segments\n\n{_table(('segment', 'shared'), rows)}" if rows else ""


def _past(preview: SegmentPreview, replay: Sequence[Point]) -> str:
    if not replay:
        return ""
    columns = ("until", "customers", "entered", "mails", "capped", "got much")
    rows = [
        (f"{point.at:%Y-%m-%d}", point.members, point.entered, point.mails, point.capped, point.pressed)
        for point in replay
    ]
    said = (
        f"One mail of topic {preview.topic} to each who entered, with the permissions of today. Got much: "
        f"{MANY_MAILS} mails or more in the 30 days before."
    )
    return f"### What it would have done\n\n{said}\n\n{_table(columns, rows)}"


def _sample(preview: SegmentPreview) -> str:
    if not preview.sample:
        return ""
    columns = tuple(preview.sample[0])
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
        f"Of {', '.join(words)} only the latest state is known, so a moment of the past is judged by that. Who changed "
        "since is counted as of today."
    )


def _select(preview: SegmentPreview) -> str:
    return f"### The select\n\n```sql\n{preview.sql}\n```"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|")
