"""Permitted hours: the next moment that window and quiet hours both permit, over every change of a clock."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

MINUTE = timedelta(minutes=1)
Hours = tuple[str, str, str, str]  # window from, to, quiet from, to


def first_permitted(connection: Connection, at: str | datetime, zones: str, hours: Hours) -> datetime | None:
    query = sa.text("select decision.first_permitted(:at, :zones, :wo, :wc, :qb, :qe)")
    opens, closes, begins, ends = hours
    given = {"at": at, "zones": zones, "wo": opens, "wc": closes, "qb": begins, "qe": ends}
    return connection.execute(query, given).scalar_one()


def is_within(local: time, begins: str, ends: str) -> bool:
    shown = local.isoformat("minutes")
    return begins <= shown < ends if begins < ends else shown >= begins or shown < ends


def is_permitted(at: datetime, zones: str, hours: Hours) -> bool:
    opens, closes, begins, ends = hours
    return all(
        (opens == closes or is_within(local, opens, closes)) and not (begins != ends and is_within(local, begins, ends))
        for local in (at.astimezone(ZoneInfo(zone)).time() for zone in zones.split())
    )


def searched(at: datetime, zones: str, hours: Hours) -> datetime | None:
    """Look at every minute of three days."""
    return next((one for one in (at + n * MINUTE for n in range(3 * 1440)) if is_permitted(one, zones, hours)), None)


@pytest.mark.parametrize(
    ("at", "zone", "hours", "opens"),
    [
        # Of 00:15 to 02:15 the quiet hours leave 02:00 to 02:15, which Berlin skips on 2026-03-29.
        ("2026-03-28T22:00Z", "Europe/Berlin", ("00:15", "02:15", "02:45", "02:00"), "2026-03-30T00:00Z"),
        ("2026-03-27T22:00Z", "Europe/Berlin", ("00:15", "02:15", "02:45", "02:00"), "2026-03-28T01:00Z"),
        # What is left goes on after the hour that is skipped: it opens as the clock comes out of it.
        ("2026-03-28T22:00Z", "Europe/Berlin", ("02:30", "04:00", "00:00", "00:00"), "2026-03-29T01:00Z"),
        # New York skips 02:00 to 03:00 on 2026-03-08; Lord Howe half an hour from 02:00 on 2026-10-04.
        ("2026-03-08T05:00Z", "America/New_York", ("02:10", "02:50", "00:00", "00:00"), "2026-03-09T06:10Z"),
        ("2026-10-03T13:00Z", "Australia/Lord_Howe", ("02:05", "02:25", "00:00", "00:00"), "2026-10-04T15:05Z"),
        # Cairo skips midnight to 01:00 on 2026-04-24.
        ("2026-04-23T20:00Z", "Africa/Cairo", ("00:00", "00:30", "00:00", "00:00"), "2026-04-24T21:00Z"),
        # The clock goes back into the last quarter of the window, half an hour after it closed.
        ("2026-10-25T00:45Z", "Europe/Berlin", ("01:30", "02:15", "00:00", "00:00"), "2026-10-25T01:00Z"),
    ],
)  # fmt: skip
def test_it_opens_at_the_next_permitted_moment_over_a_clock_change(
    warehouse: Engine, at: str, zone: str, hours: Hours, opens: str
) -> None:
    """An hour that the clock skips is no hour in which mail may go, and one that it repeats counts both times."""
    with warehouse.connect() as connection:
        assert first_permitted(connection, at, zone, hours) == datetime.fromisoformat(opens)


ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana",
    "Asia/Kathmandu", "Pacific/Kiritimati", "Antarctica/Troll", "Europe/London America/Denver",
    "America/Denver America/New_York America/Los_Angeles Pacific/Honolulu", "Australia/Sydney Australia/Perth",
]  # fmt: skip


def test_no_earlier_minute_is_permitted(warehouse: Engine) -> None:
    """In one zone or several, over clock changes and on plain days, it is what a search minute by minute finds."""
    chance = random.Random(9)
    changes = [
        datetime(2026, 3, 8, 6, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 4, 4, 14, tzinfo=UTC),
        datetime(2026, 4, 23, 22, tzinfo=UTC), datetime(2026, 10, 3, 16, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC),
    ]  # fmt: skip
    quarters = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 15, 30, 45)]
    early = quarters[:16]
    with warehouse.connect() as connection:
        for _ in range(150):
            some = early if chance.random() < 0.5 else quarters
            hours = (chance.choice(some), chance.choice(some), chance.choice(some), chance.choice(some))
            at = chance.choice(changes) + chance.randint(-30 * 60, 3 * 60) * MINUTE
            zones = chance.choice(ZONES)
            expected = searched(at, zones, hours)
            found = first_permitted(connection, at, zones, hours)
            if expected is None and found is not None:  # later than the search went
                assert found > at + timedelta(days=3) - MINUTE, (at, zones, hours)
            else:
                assert found == expected, (at, zones, hours)


def test_zones_without_a_common_hour_have_no_moment(warehouse: Engine) -> None:
    """Nine to eleven in New York and nine to eleven in Honolulu never are at once."""
    with warehouse.connect() as connection:
        hours = ("09:00", "11:00", "00:00", "00:00")
        assert first_permitted(connection, "2026-03-02T12:00Z", "America/New_York Pacific/Honolulu", hours) is None
