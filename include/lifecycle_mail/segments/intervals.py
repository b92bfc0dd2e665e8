"""Membership as intervals: segment.membership keeps the members that `evaluation` finds at an instant.

Last part of the stage; journeys enroll from the table. One rule holds in whatever order instants are refreshed:
**a refresh makes its own instant exact, and changes what is known of no other.** For a newer instant, an open interval
says "member since then, and still". For an instant before the last refresh, an interval or a gap of one microsecond
corrects that instant alone. So the members at any refreshed instant are the rows whose interval contains it
(include/sql/segments/members_at.sql).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.concurrency import PARALLEL_FROM_ROWS, may_wait, run_in_parallel, run_two_at_a_time
from lifecycle_mail.database import lock, refresh_statistics, run, scalar, statement
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.segments.changes import Refreshed, definition_md5, last_refresh, touched_since
from lifecycle_mail.segments.compiling import Among, Kept, everybody
from lifecycle_mail.segments.evaluation import copy_aside, counted, plan_for_whole_tables, selected
from lifecycle_mail.segments.kept import depends_on_others, keep
from lifecycle_mail.segments.reading import let_read, reading
from lifecycle_mail.segments.registry import definition, readable_segments, segment_key

_INSTANT = timedelta(microseconds=1)
# For up to this many new memberships, the segment is asked for their customers alone. PostgreSQL can move that
# condition into the segment's select, so contexts are built for these customers and not for all.
_FEW = 20_000
_COLUMNS = ("segment", "customer_id", "occurrence", "is_member")
_DIFFERENCE = sa.table(
    "segment_difference", *(sa.column(name) for name in _COLUMNS), sa.column("occurred_at"), sa.column("context")
)
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


def refresh(
    engine: Engine, name: str, as_of: datetime, parameters: dict[str, Any] | None = None, *, late: bool = False
) -> SegmentCounts:
    """Bring segment.membership to the members of segment `name` at `as_of`; return the counts.

    One transaction, except at the first refresh of a segment with many customers: then two transactions at once insert
    half of them each. A kill between their commits leaves the second half to the next refresh.

    At a newer instant, new memberships begin and missing ones end at `as_of`. Those that are still there are untouched,
    so each keeps the context of its first refresh. Before the last refresh only the given instant is corrected. The
    same `as_of` again changes nothing unless facts changed. Writes segment.size_daily of the UTC day.
    Refreshes of one segment key wait for each other.

    A `late` run corrects an instant before the last refresh as well. Any other instant it only counts: who is a member
    since when, and with which context, is for the runs in time to say.

    Raises:
        SegmentError: unknown segment or parameter, or an `as_of` without time zone.
    """
    given = parameters or {}
    key = segment_key(name, given)
    of_facts, rules = selected(name, as_of, given), definition(name).rules
    kept = keep(engine, rules, as_of.astimezone(UTC)) if rules and not late else frozenset()
    member = selected(name, as_of, given, kept=kept) if kept else of_facts
    asked = _Asked(name, key, as_of, member, kept=kept)
    with engine.begin() as connection:
        lock(connection, _lock_name(key))
        plan_for_whole_tables(connection)
        last, seen = last_refresh(connection, key), run(connection, "segments/seen").mappings().one()
        forward = last is None or as_of >= last.at
        if late and forward:
            return SegmentCounts(members=_count(connection, asked), entered=0, departed=0)
        mark = {**seen, "definition_md5": definition_md5(of_facts, rules)}
        if rules and len(kept) < len(depends_on_others(rules)):
            mark["load_id"] = None  # what is kept is of a later moment: the next refresh cannot tell what changed since
        if last is None and not _is_known(connection, key):
            entered, departed = _enter_everybody(engine, connection, asked), 0
        else:
            if last is not None and forward and last.definition_md5 == mark["definition_md5"]:
                asked = _of_touched(connection, asked, given, last)
            again = last is not None and as_of == last.at
            entered, departed = _write_difference(connection, asked, forward=forward, again=again)
        size = _size(connection, key, as_of, forward=forward)
        whole = as_of if asked.among is everybody else None
        run(connection, "segments/mark_refreshed", segment=key, as_of=as_of, read_whole_at=whole, **mark)
        run(connection, "segments/write_size", segment=key, as_of=as_of, **size)
    return SegmentCounts(members=size["members"], entered=entered, departed=departed)


def refresh_rules(engine: Engine, as_of: datetime) -> tuple[dict[str, SegmentCounts], list[SegmentError]]:
    """Refresh every segment of rules, two at a time; return the counts by name, and the errors of the others."""
    segments, failed = readable_segments()
    names = [one.name for one in segments if one.rules is not None]

    def one_of_them(name: str) -> SegmentCounts | SegmentError:
        try:
            return refresh(engine, name, as_of)
        except SegmentError as error:
            return error

    found = dict(zip(names, run_two_at_a_time(engine, names, one_of_them), strict=True))
    done = {name: one for name, one in found.items() if isinstance(one, SegmentCounts)}
    return done, [*failed, *(one for one in found.values() if isinstance(one, SegmentError))]


@dataclass(frozen=True)
class _Asked:
    """What one refresh asks for: a segment, its key in segment.membership, the instant, and its select.

    `among` restricts customers to those that the select is asked for. `kept`: attributes whose values are kept.
    """

    name: str
    key: str
    as_of: datetime
    member: sa.Subquery
    among: Among = everybody
    kept: Kept = frozenset()


def _of_touched(connection: Connection, asked: _Asked, given: dict[str, Any], last: Refreshed) -> _Asked:
    """Ask only for the customers of whom rules may say something else than at the last refresh, if that can be told."""
    rules = definition(asked.name).rules
    among = rules and touched_since(connection, rules, asked.member, last, asked.as_of, asked.kept)
    if not among:
        return asked
    return replace(asked, member=selected(asked.name, asked.as_of, given, among, asked.kept), among=among)


def _count(connection: Connection, asked: _Asked) -> int:
    with reading(connection, asked.name, asked.member, counted(asked.member)) as found:
        return int(connection.execute(sa.select(found)).scalar_one())


def _is_known(connection: Connection, key: str) -> bool:
    known = sa.select(_MEMBERSHIP.c.segment).where(_MEMBERSHIP.c.segment == key)
    return bool(connection.execute(sa.select(sa.exists(known))).scalar_one())


def _lock_name(key: str) -> str:
    return f"segment:{key}"


def _enter_everybody(engine: Engine, connection: Connection, asked: _Asked) -> int:
    """Insert a segment that was never refreshed. There is nothing to compare it with, so it is read once.

    Building contexts takes half of the time. With many customers two transactions build half of them each. Rules have
    no contexts, and each half would read everything.
    """
    customer_id = run(connection, "segments/middle_customer", many_rows=PARALLEL_FROM_ROWS).scalar_one_or_none()
    if customer_id is None or _is_of_rules(asked):
        entered = _insert(connection, asked, None, sa.select(asked.member))
    else:
        may_wait(connection)
        who = asked.member.c.customer_id
        halves = (who < customer_id, who >= customer_id)
        entered = sum(run_in_parallel(engine, _lock_name(asked.key), halves, partial(_enter_part, asked)))
    refresh_statistics(connection, "segment.membership", entered)
    return entered


def _enter_part(asked: _Asked, connection: Connection, customers: sa.ColumnElement[bool]) -> int:
    plan_for_whole_tables(connection)
    return _insert(connection, asked, None, sa.select(asked.member).where(customers))


def _write_difference(connection: Connection, asked: _Asked, *, forward: bool, again: bool) -> tuple[int, int]:
    """Bring the intervals to what is asked; return how many memberships entered and departed.

    Only a repeated refresh of the newest instant can find a member whose membership was already ended at that instant.
    """
    as_of = asked.as_of
    if not _find_difference(connection, asked, forward=forward):
        return 0, 0
    departed = scalar(connection, f"segments/{'depart' if forward else 'absent_at'}", as_of=as_of)
    reopened = run(connection, "segments/reopen", as_of=as_of).rowcount if again else 0
    entered = _enter(connection, asked, None if forward else as_of + _INSTANT)
    refresh_statistics(connection, "segment.membership", entered + departed)
    return entered + reopened, departed


def _find_difference(connection: Connection, asked: _Asked, *, forward: bool) -> int:
    """Fill segment_difference with the memberships that are new or gone at the instant; return how many.

    Everything is compared, and only the differences are kept. So the difference is right whichever facts changed, and
    however late. Builds no context, except of rules, whose context is empty. PostgreSQL hashes a full join even if it
    has no statistics.
    """
    member, known = asked.member, _known(asked.key, asked.as_of, forward=forward)
    if asked.among is not everybody:
        known = sa.select(known).where(asked.among(known.c.customer_id)).subquery("known_touched")
    same = sa.and_(member.c.customer_id == known.c.customer_id, member.c.occurrence == known.c.occurrence)
    difference = (
        sa.select(
            sa.func.coalesce(member.c.customer_id, known.c.customer_id).label("customer_id"),
            sa.func.coalesce(member.c.occurrence, known.c.occurrence).label("occurrence"),
            known.c.customer_id.is_(None).label("is_member"),
            *((member.c.occurred_at, member.c.context) if _is_of_rules(asked) else ()),
        )
        .select_from(member.join(known, same, full=True))
        .where(sa.or_(member.c.customer_id.is_(None), known.c.customer_id.is_(None)))
    )
    with reading(connection, asked.name, member, difference) as found:
        of_key = sa.select(sa.cast(sa.literal(asked.key), sa.Text()).label("segment"), found)
        count = copy_aside(connection, "segment_difference", of_key)
    connection.exec_driver_sql("analyze segment_difference")
    return count


def _known(key: str, as_of: datetime, *, forward: bool) -> sa.Subquery:
    """Return what is known of the instant before its refresh: customer_id and occurrence."""
    if forward:
        known = statement("segments/known_open").bindparams(segment=key)
    else:
        known = statement("segments/known_at").bindparams(segment=key, as_of=as_of)
    return known.columns(customer_id=sa.Text(), occurrence=sa.Text()).subquery("known")


def _size(connection: Connection, key: str, as_of: datetime, *, forward: bool) -> dict[str, int]:
    known = _known(key, as_of, forward=forward)
    counted = sa.select(
        sa.func.count().label("members"), sa.func.count(known.c.customer_id.distinct()).label("customers")
    ).select_from(known)
    return dict(connection.execute(counted).mappings().one())


def _enter(connection: Connection, asked: _Asked, left_at: datetime | None) -> int:
    """Insert the new memberships of segment_difference, and build the contexts of these alone; return how many.

    The segment is read a second time, except one of rules. A membership that vanished in between is left to the next
    refresh.
    """
    if _is_of_rules(asked):
        return _insert_rows(connection, asked, left_at, _DIFFERENCE, _DIFFERENCE.c.is_member)
    entering = sa.select(_DIFFERENCE.c.customer_id).where(_DIFFERENCE.c.is_member).limit(_FEW + 1)
    few = connection.execute(entering).scalars().all()
    if not few:
        return 0
    let_read(connection, "segment_difference")
    rows = _new(asked.member)
    if len(few) <= _FEW:
        rows = rows.where(asked.member.c.customer_id == sa.any_(sa.literal(few, ARRAY(sa.Text()))))
    return _insert(connection, asked, left_at, rows)


def _new(member: sa.Subquery) -> sa.Select[Any]:
    new = sa.and_(
        _DIFFERENCE.c.is_member,
        member.c.customer_id == _DIFFERENCE.c.customer_id,
        member.c.occurrence == _DIFFERENCE.c.occurrence,
    )
    return sa.select(member).join_from(member, _DIFFERENCE, new)


def _insert(connection: Connection, asked: _Asked, left_at: datetime | None, members: sa.Select[Any]) -> int:
    """Insert `members`, a select of some members of the segment, as memberships from the instant on."""
    with reading(connection, asked.name, asked.member, members) as found:
        return _insert_rows(connection, asked, left_at, found, sa.true())


def _insert_rows(
    connection: Connection, asked: _Asked, left_at: datetime | None, found: Any, which: sa.ColumnElement[bool]
) -> int:
    instant = sa.DateTime(timezone=True)
    rows = sa.select(
        sa.cast(sa.literal(asked.key), sa.Text()),
        found.c.customer_id,
        found.c.occurrence,
        found.c.occurred_at,
        found.c.context,
        sa.cast(sa.literal(asked.as_of, instant), instant),
        sa.cast(sa.literal(left_at, instant), instant),
    ).where(which)
    names = [column.name for column in _MEMBERSHIP.c]
    return connection.execute(sa.insert(_MEMBERSHIP).from_select(names, rows)).rowcount


def _is_of_rules(asked: _Asked) -> bool:
    return definition(asked.name).rules is not None


def erase_contexts(connection: Connection, customer_id: str) -> int:
    """Empty the snapshots of an erased customer's memberships, in the caller's transaction; return how many.

    What approvers are shown of requests that wait, and has the customer, is emptied too.
    """
    run(connection, "segments/erase_previews", customer_id=customer_id)
    run(connection, "segments/erase_kept", customer_id=customer_id)
    return run(connection, "segments/erase_contexts", customer_id=customer_id).rowcount
