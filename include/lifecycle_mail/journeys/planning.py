"""When each campaign planned last, and which of them are overdue by their schedules.

A run that waits for ever, a scheduler that stands still and a DAG without runs are green in Airflow: only the
warehouse knows that nothing was planned.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy.engine import Connection

from lifecycle_mail.campaigns import Campaign, two_periods_after
from lifecycle_mail.database import run


def record_planning(connection: Connection, campaign: str, as_of: dt.datetime, now: dt.datetime) -> None:
    """Note that `campaign` has planned everything for `as_of`; planning an old period changes no later note."""
    run(connection, "journeys/record_planning", campaign=campaign, as_of=as_of, now=now)


def watch_plannings(
    connection: Connection, campaigns: Iterable[str], paused: Iterable[str], now: dt.datetime
) -> None:
    """Begin to watch those of `campaigns` that are new; for those that are `paused` the time begins again."""
    run(
        connection,
        "journeys/watch_plannings",
        campaigns=sorted(campaigns),
        paused=sorted(paused),
        now=now,
    )


def overdue(connection: Connection, campaigns: Iterable[Campaign], now: dt.datetime) -> list[str]:
    """Return a sentence for each of `campaigns` that has not planned for two periods of its schedule.

    Counted from its last planning, or from when it was first watched or last seen paused, if that is later.
    """
    since = {row.campaign: row.since for row in run(connection, "journeys/plannings")}
    return [
        _sentence(one, since[one.campaign])
        for one in sorted(campaigns, key=lambda campaign: campaign.campaign)
        if one.campaign in since and two_periods_after(one.schedule, since[one.campaign]) <= now
    ]


def _sentence(campaign: Campaign, since: dt.datetime) -> str:
    return (
        f"campaign {campaign.campaign} has not planned since {since.astimezone(dt.UTC):%Y-%m-%d %H:%M UTC}, its "
        f"schedule is '{campaign.schedule}': look at the runs of its DAG, or pause it if it is not to go on"
    )
