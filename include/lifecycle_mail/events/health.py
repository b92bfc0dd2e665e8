"""Do the provider's events come as they should? Judged by the mails that it accepted, not by the clock alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import run
from lifecycle_mail.intake import Limits

LIST_PERIOD = timedelta(days=1)  # between two syncs of the provider's lists


def event_alarms(engine: Engine, now: datetime, limits: Limits) -> list[str]:
    """Say what is wrong with the feed of events at `now`: it is silent, or whole hours are missing."""
    with engine.connect() as connection:
        found = run(connection, "events/feed_health", now=now, silent_hours=limits.silent_hours).one()
    alarms = []
    if found.is_silent:
        newest = f"of {found.newest_at:%Y-%m-%d %H:%M UTC}" if found.newest_at else "missing"
        alarms.append(
            f"events: the newest one is {newest}, and mails were accepted since: look at the webhook and the collector"
        )
    if limits.missing_periods and found.missing_hours >= limits.missing_periods:
        alarms.append(
            f"events: of the mails of {found.missing_hours} hours of the last day none has an event: look for posts "
            "that the collector refused, or for export files that are missing"
        )
    return alarms


def list_alarms(connection: Connection, now: datetime, limits: Limits) -> list[str]:
    """Say which of the provider's suppression lists were not read for too many days."""
    if not limits.missing_periods:
        return []
    behind = now - limits.missing_periods * LIST_PERIOD
    return [
        f"suppressions: the list {row.list_name} was read up to {row.covered_until:%Y-%m-%d %H:%M UTC} only"
        for row in run(connection, "events/sync_progress")
        if row.covered_until < behind
    ]
