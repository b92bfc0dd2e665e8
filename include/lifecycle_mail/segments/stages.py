"""How many customers went from one lifecycle stage to another, per day.

Part of the stage after its attributes. include/sql/segments/attributes/lifecycle_stage.sql defines the stages. A day is
counted from what that statement says of its beginning and of its end. So nothing is kept per customer. A day that is
counted again is right for the facts known by then.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, run, scalar, statement
from lifecycle_mail.segments.evaluation import plan_for_whole_tables
from lifecycle_mail.words import words_of

_ATTRIBUTES, _STAGE = "segments/attributes", "lifecycle_stage"
_OUTSIDE = "outside"
_MOST_DAYS = 31  # counted by one call: after a longer pause the days before stay uncounted
_DAY = timedelta(days=1)
_INSTANT = sa.DateTime(timezone=True)
_CUSTOMER = sa.table(
    "customer",
    sa.column("customer_id", sa.Text()),
    sa.column("created_at", _INSTANT),
    sa.column("erased_at", _INSTANT),
    schema="source",
)
_STAGE_DAILY = sa.table(
    "stage_daily", *map(sa.column, ("day", "from_stage", "to_stage", "customers", "as_of")), schema="segment"
)


def count_stages(engine: Engine, as_of: datetime, *, again: bool = False) -> list[date]:
    """Count the lifecycle stages of UTC days that were over at `as_of` (aware); return these days.

    The first call of a day counts the day before, and those since the last counted one. It also counts the last counted
    day again, since facts of a day come until after its end. Further calls on that day do nothing. `again` counts the
    last 31 days in any case.
    """
    with engine.begin() as connection:
        lock(connection, "segment stages")
        plan_for_whole_tables(connection)
        yesterday = as_of.astimezone(UTC).date() - _DAY
        last = scalar(connection, "segments/last_stage_day")
        days = _days(last, yesterday, again=again)
        for day in days:
            run(connection, "segments/forget_stages", day=day)
            _count(connection, day, as_of)
    return days


def _days(last: date | None, yesterday: date, *, again: bool) -> list[date]:
    earliest = yesterday - (_MOST_DAYS - 1) * _DAY
    if again:
        first = earliest
    elif last is None:
        first = yesterday
    elif last >= yesterday:
        return []
    else:
        first = max(last, earliest)
    return [first + number * _DAY for number in range((yesterday - first).days + 1)]


def _count(connection: Connection, day: date, as_of: datetime) -> None:
    begins = datetime.combine(day, time(), UTC)
    before, after = _stages(begins, "before"), _stages(begins + _DAY, "after")
    columns = (
        sa.cast(sa.literal(day), sa.Date()),
        sa.func.coalesce(before.c.stage, _OUTSIDE).label("from_stage"),
        sa.func.coalesce(after.c.stage, _OUTSIDE).label("to_stage"),
        sa.func.count(),
        sa.cast(sa.literal(as_of, _INSTANT), _INSTANT),
    )
    same = before.c.customer_id == after.c.customer_id
    counted = sa.select(*columns).select_from(before.join(after, same, full=True)).group_by("from_stage", "to_stage")
    names = [column.name for column in _STAGE_DAILY.c]
    connection.execute(sa.insert(_STAGE_DAILY).from_select(names, counted))


def _stages(at: datetime, name: str) -> sa.Subquery:
    """Return customer_id and stage of the customers who were there when a day began or ended.

    A day is half-open: what happens exactly at its end belongs to the next one.
    """
    as_of = at - timedelta(microseconds=1)
    # Unique, because the statement stands twice in one select, at two instants.
    bound = sa.bindparam("as_of", as_of, _INSTANT, unique=True)
    known = statement(f"{_ATTRIBUTES}/{_STAGE}").bindparams(bound)
    stage = known.columns(customer_id=sa.Text(), value=sa.Text()).subquery(f"stage_{name}")
    absent = words_of(_ATTRIBUTES)[_STAGE].header["absent"]
    customer = _CUSTOMER.alias(f"customer_{name}")
    there = (
        customer.c.created_at <= as_of,
        sa.or_(customer.c.erased_at.is_(None), customer.c.erased_at > as_of),
    )
    return (
        sa.select(customer.c.customer_id, sa.func.coalesce(stage.c.value, absent).label("stage"))
        .select_from(customer.outerjoin(stage, customer.c.customer_id == stage.c.customer_id))
        .where(*there)
        .subquery(name)
    )
