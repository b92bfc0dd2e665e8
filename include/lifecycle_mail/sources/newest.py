"""How old the newest fact of each feed is, and whether the feeds have fallen silent.

Stage 1 of the path. Two rules: all feeds together by the clock and by empty loads, and each feed by its own habit.
docs/decisions/0059 says why.
"""

from __future__ import annotations

from datetime import datetime

from psycopg2 import sql
from sqlalchemy.engine import Connection

from lifecycle_mail.database import raw_cursor, run
from lifecycle_mail.intake import Limits
from lifecycle_mail.moments import CLOCK_SKEW, minute
from lifecycle_mail.sources.contract import Feed

# A fact ahead of its load is a mistake, and would hide any silence until then.
_NOTE = sql.SQL("""
insert into source.newest_fact as known (feed, happened_at)
select %(feed)s, max(told.at)
from staged cross join lateral (values {times}) as told (at)
where told.at <= %(latest)s
having max(told.at) is not null
on conflict (feed) do update set happened_at = excluded.happened_at
    where known.happened_at < excluded.happened_at
""")
_LOOK = "look at what writes the feeds"


def note_newest(connection: Connection, feed: Feed, now: datetime) -> None:
    """Keep when the newest fact among the staged rows happened, if no earlier file had a newer one."""
    if not feed.dated_by:
        return
    times = sql.SQL(", ").join(sql.SQL("(staged.{})").format(sql.Identifier(name)) for name in feed.dated_by)
    with raw_cursor(connection) as cursor:
        cursor.execute(_NOTE.format(times=times), {"feed": feed.name, "latest": now + CLOCK_SKEW})


def silence(connection: Connection, now: datetime, limits: Limits) -> list[str]:
    """Say what is missing of the feeds at `now` (aware): of all of them together, then of each by its own habit."""
    return [*_all_silent(connection, now, limits), *silent_feeds(connection, now, limits)]


def silent_feeds(connection: Connection, now: datetime, limits: Limits) -> list[str]:
    """Say which feeds bring nothing new any more at `now` (aware), although they had the habit of it."""
    if not limits.missing_periods:
        return []
    found = run(
        connection, "sources/feed_silence",
        now=now, silence=limits.silence, missing_periods=limits.missing_periods,
    )  # fmt: skip
    return [
        f"{row.feed}: nothing new since {minute(row.last_news_at)}, in {row.loads_since} loads; look at what writes "
        "the feed"
        for row in found
    ]


def _all_silent(connection: Connection, now: datetime, limits: Limits) -> list[str]:
    """Say whether nothing happens any more by the clock, and whether whole periods brought nothing."""
    if not limits.silent_hours:
        return []
    alarms = []
    newest = run(connection, "sources/newest_fact").one_or_none()
    if newest is None:
        alarms.append(f"feeds: none has brought a fact with a time yet: {_LOOK}, and at LIFECYCLE_FEEDS_DIR")
    elif now - newest.happened_at > limits.silence:
        alarms.append(
            f"feeds: the newest fact of all is of {newest.feed}, {minute(newest.happened_at)}, and "
            f"{(now - newest.happened_at).total_seconds() / 3600:.1f} hours old, more than {limits.silent_hours:g}: "
            f"{_LOOK}. If the shop sleeps at night, raise LIFECYCLE_SILENT_HOURS, or set it to off"
        )
    empty = run(connection, "sources/empty_periods", now=now).scalar_one()
    if limits.missing_periods and empty >= limits.missing_periods:
        alarms.append(
            f"feeds: the loads of the last {empty} periods brought nothing new of any feed: {_LOOK}. If that is usual, "
            "raise LIFECYCLE_MISSING_PERIODS, or set LIFECYCLE_SILENT_HOURS to off"
        )
    return alarms
