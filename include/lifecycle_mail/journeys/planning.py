"""When each campaign last planned, and which campaigns are overdue by their schedules.

In Airflow a run that waits for ever, a scheduler that stands still and a DAG without runs are all green. Only the
warehouse shows that nothing was planned.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy.engine import Connection

from lifecycle_mail.campaigns import Campaign, two_periods_after
from lifecycle_mail.database import run


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
        f"campaign {campaign.campaign} has not planned since {since.astimezone(dt.UTC):%Y-%m-%d %H:%M UTC}, although "
        f"its schedule is '{campaign.schedule}': look at the runs of its DAG, or pause the DAG to stop the campaign"
    )
