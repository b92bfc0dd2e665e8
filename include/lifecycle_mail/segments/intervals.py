"""Membership as intervals: what `reading` finds at an instant is kept in segment.membership.

Last half of the stage; journeys enroll from it. One rule holds whatever order instants are refreshed in:
**a refresh makes its own instant exact, and changes what is known of no other.** Forward, an open interval
says "member since, and still"; an instant before the last refresh is patched by an interval, or a gap, of
one microsecond. So the members at any refreshed instant are the rows whose interval contains it
(include/sql/segments/members_at.sql).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, run, scalar
from lifecycle_mail.segments.reading import plan_for_whole_tables, selected
from lifecycle_mail.segments.registry import segment_key

_INSTANT = timedelta(microseconds=1)
# Up to so many new memberships the segment is asked for their customers alone: a condition that reaches into
# its select, so that contexts are built for them and not for everybody.
_FEW = 20_000
_SEEN = sa.table("segment_seen", sa.column("customer_id"), sa.column("occurrence"), sa.column("occurred_at"))
_MEMBERSHIP = sa.table(
    "membership",
    *(sa.column(name) for name in ("segment", "customer_id", "occurrence", "occurred_at", "context")),
    sa.column("entered_at"),
    sa.column("left_at"),
    schema="segment",
)


@dataclass(frozen=True)
class SegmentCounts:
    """What one refresh found and changed: memberships (customer and occurrence) at its `as_of`."""

    members: int
    entered: int
    departed: int

    def counts(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def refresh(engine: Engine, name: str, as_of: datetime, parameters: dict[str, Any] | None = None) -> SegmentCounts:
    """Bring segment.membership to what segment `name` is at `as_of`, in one transaction; return the counts.

    Forward, new memberships begin and missing ones end at `as_of`; those still there are untouched, so that
    the context stays the one of the first sight. Before the last refresh only this instant is corrected. The
    same `as_of` again changes nothing unless facts changed. Writes segment.size_daily of the UTC day.
    Refreshes of one segment key wait for each other.

    Raises:
        SegmentError: unknown segment or parameter, or an `as_of` without time zone.
    """
    given = parameters or {}
    key = segment_key(name, given)
    member = selected(name, as_of, given)
    with engine.begin() as connection:
        lock(connection, f"segment:{key}")
        plan_for_whole_tables(connection)
        refreshed_at = run(connection, "segments/refreshed_at", segment=key).scalar_one_or_none()
        forward = refreshed_at is None or as_of >= refreshed_at
        counts = _write_difference(connection, key, as_of, member, forward=forward)
        run(connection, "segments/mark_refreshed", segment=key, as_of=as_of)
        run(connection, "segments/write_size", segment=key, as_of=as_of)
    return counts


def _write_difference(
    connection: Connection, key: str, as_of: datetime, member: sa.Subquery, *, forward: bool
) -> SegmentCounts:
    seen = _see(connection, member)
    departed = scalar(connection, f"segments/{'depart' if forward else 'absent_at'}", segment=key, as_of=as_of)
    unknown = seen - run(connection, "segments/drop_known", segment=key, as_of=as_of).rowcount
    reopened = run(connection, "segments/reopen", segment=key, as_of=as_of).rowcount if forward else 0
    new = unknown - reopened
    left_at = None if forward else as_of + _INSTANT
    entered = _enter(connection, key, as_of, left_at, member) if new else 0
    return SegmentCounts(members=seen - new + entered, entered=entered + reopened, departed=departed)


def _see(connection: Connection, member: sa.Subquery) -> int:
    """Fill the temporary table with the memberships at the instant; return how many. Builds no context."""
    run(connection, "segments/seen_table")
    names = [column.name for column in _SEEN.c]
    found = sa.select(*(member.c[name] for name in names))
    count = connection.execute(sa.insert(_SEEN).from_select(names, found)).rowcount
    connection.execute(sa.text("analyze segment_seen"))
    return count


def _enter(connection: Connection, key: str, as_of: datetime, left_at: datetime | None, member: sa.Subquery) -> int:
    """Insert the memberships left in the temporary table, with the context only they need; return how many.

    The segment is read a second time; a membership that vanished in between is left to the next refresh.
    """
    rows = _new_rows(key, as_of, left_at, member)
    few = connection.execute(sa.select(_SEEN.c.customer_id).limit(_FEW + 1)).scalars().all()
    if len(few) <= _FEW:
        rows = rows.where(member.c.customer_id == sa.any_(sa.literal(few, ARRAY(sa.Text()))))
    names = [column.name for column in _MEMBERSHIP.c]
    return connection.execute(sa.insert(_MEMBERSHIP).from_select(names, rows)).rowcount


def _new_rows(key: str, as_of: datetime, left_at: datetime | None, member: sa.Subquery) -> sa.Select[Any]:
    new = sa.and_(member.c.customer_id == _SEEN.c.customer_id, member.c.occurrence == _SEEN.c.occurrence)
    instant = sa.DateTime(timezone=True)
    return sa.select(
        sa.literal(key),
        member.c.customer_id,
        member.c.occurrence,
        member.c.occurred_at,
        member.c.context,
        sa.cast(sa.literal(as_of, instant), instant),
        sa.cast(sa.literal(left_at, instant), instant),
    ).select_from(member.join(_SEEN, new))
