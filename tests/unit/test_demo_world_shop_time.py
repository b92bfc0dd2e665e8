"""The demo's history is moved by whole days of the shop's wall time, never into the future."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from demo_world.shop_time import LAST_PURCHASE, SHOP_ZONE, last_purchase, moved, shift_for
from demo_world.source import read_table

NEW_YORK = ZoneInfo(SHOP_ZONE)


def moved_one(utc: str, days: int) -> datetime:
    """One source time after the move, as the shop's wall clock shows it."""
    found: pd.Timestamp = moved(pd.Series([pd.Timestamp(utc)]), days).iloc[0]
    return found.tz_convert(NEW_YORK).to_pydatetime()


@pytest.mark.parametrize("today", [date(2026, 11, 21), date(2026, 7, 4), date(2026, 3, 9), date(2028, 2, 29)])
def test_the_last_purchase_falls_on_yesterday(today: date) -> None:
    """On the day of the first load, in winter and summer, the newest purchase is of yesterday's UTC date."""
    assert last_purchase(shift_for(today)).date() == today - timedelta(days=1)


@pytest.mark.parametrize(
    ("utc", "days", "wall"),
    [
        ("2017-01-10 23:30:00", 180, "2017-07-09T18:30:00-04:00"),  # winter to summer
        ("2017-07-10 22:30:00", 180, "2018-01-06T18:30:00-05:00"),  # summer to winter
        ("2017-01-10 04:30:00", 0, "2017-01-09T23:30:00-05:00"),  # not moved
        (
            "2017-03-11 07:30:00",
            1,
            "2017-03-12T03:30:00-04:00",
        ),  # half past two does not exist: an hour later
        ("2017-11-04 05:30:00", 1, "2017-11-05T01:30:00-04:00"),  # half past one exists twice: the first
        ("2017-11-05 06:30:00", 0, "2017-11-05T01:30:00-04:00"),  # and so does the second of the source's own
    ],
)
def test_the_wall_clock_stays_where_it_is(utc: str, days: int, wall: str) -> None:
    """A purchase keeps its time of day; missing and doubled hours are resolved by one rule."""
    assert moved_one(utc, days).isoformat() == wall


def test_the_source_is_in_utc_and_ends_where_the_shift_assumes() -> None:
    """Read as UTC the year of purchases is exactly 2017 in the shop's zone; the last is the stated one."""
    times = read_table("transactions", ["transaction_timestamp"])["transaction_timestamp"].dt.tz_localize(
        "UTC"
    )
    assert times.max().to_pydatetime() == LAST_PURCHASE
    wall = times.dt.tz_convert(SHOP_ZONE)
    assert (wall.min().date(), wall.max().date()) == (date(2017, 1, 1), date(2017, 12, 31))
    assert wall.dt.hour.value_counts().idxmin() in {3, 4, 5}
