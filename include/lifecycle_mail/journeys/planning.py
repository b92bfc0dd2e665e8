"""When each campaign last planned, which run is late, and which campaigns are overdue by their schedules.

A late run (a backfill, a cleared task, a mistyped moment) would use up what the runs in time need: occurrences, and
steps that they can still send. So it plans nothing.

In Airflow a run that waits for ever, a scheduler that stands still and a DAG without runs are all green. Only the
warehouse shows that nothing was planned.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.campaigns import Campaign, period_at, two_periods_after
from lifecycle_mail.concurrency import exclusive_lock
from lifecycle_mail.database import run, scalar
from lifecycle_mail.moments import minute

_HOUR = dt.timedelta(hours=1)


@contextmanager
def turn_to_plan(engine: Engine, campaign: Campaign, as_of: dt.datetime, now: dt.datetime) -> Iterator[str | None]:
    """Give what `begin_planning` says, and let no other run of `campaign` begin to plan before the block ends.

    The note is committed before the block, so that a killed stage has begun to plan, too. The lock is one of its own:
    a stage commits several transactions under the campaign's lock. Who holds both took this one first.
    """
    with exclusive_lock(engine, f"planning:{campaign.campaign}"):
        with engine.begin() as connection:
            because = begin_planning(connection, campaign, as_of, now)
        yield because


def begin_planning(connection: Connection, campaign: Campaign, as_of: dt.datetime, now: dt.datetime) -> str | None:
    """Note that `campaign` begins to plan for `as_of`; if the run is late, note nothing and return why, as a clause.

    A run is late if `as_of` is older than `max_lateness_hours` and than the period of the schedule that it lies in, or
    if the campaign has begun to plan for a later moment.
    """
    limit = max(campaign.max_lateness_hours * _HOUR, period_at(campaign.schedule, as_of))
    if now - as_of > limit:
        return f"is {_hours(now - as_of)} old, and late after {_hours(limit)}"
    begun = scalar(connection, "journeys/begin_planning", campaign=campaign.campaign, as_of=as_of, now=now)
    if begun > as_of:
        return f"comes after the planning for {minute(begun)}"
    return None


def forget_planning(connection: Connection, campaign: str) -> None:
    """Forget for which moments `campaign` has planned; in a rehearsal, so that a late run is tried as one in time."""
    run(connection, "journeys/forget_planning", campaign=campaign)


def record_planning(connection: Connection, campaign: str, as_of: dt.datetime, now: dt.datetime) -> None:
    """Record that `campaign` has planned everything for `as_of`; planning an older period changes no later record."""
    run(connection, "journeys/record_planning", campaign=campaign, as_of=as_of, now=now)


def watch_plannings(
    connection: Connection, campaigns: Iterable[str], paused: Iterable[str], now: dt.datetime
) -> None:
    """Begin to watch those of `campaigns` that are new; for those that are `paused`, begin the time again."""
    run(
        connection,
        "journeys/watch_plannings",
        campaigns=sorted(campaigns),
        paused=sorted(paused),
        now=now,
    )


def overdue(connection: Connection, campaigns: Iterable[Campaign], now: dt.datetime) -> list[str]:
    """Return a sentence for each of `campaigns` that has not planned for two periods of its schedule.

    The time counts from its last planning. If the campaign was first watched, or last seen paused, later than that, the
    time counts from there.
    """
    since = {row.campaign: row.since for row in run(connection, "journeys/plannings")}
    return [
        _sentence(one, since[one.campaign])
        for one in sorted(campaigns, key=lambda campaign: campaign.campaign)
        if one.campaign in since and two_periods_after(one.schedule, since[one.campaign]) <= now
    ]


def _sentence(campaign: Campaign, since: dt.datetime) -> str:
    return (
        f"campaign {campaign.campaign} has not planned since {minute(since)}, although "
        f"its schedule is '{campaign.schedule}': look at the runs of its DAG, or pause the DAG to stop the campaign"
    )


def _hours(age: dt.timedelta) -> str:
    return f"{age / _HOUR:.1f} hours".replace(".0 ", " ")
