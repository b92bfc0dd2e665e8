"""The shop's clock: the source's times, moved by whole days of the shop's own wall time.

The source's times are UTC instants without an offset (README.md says how that is known). A day is moved in
the shop's zone, so that half past six in the evening stays half past six over daylight saving.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd

SHOP_ZONE = "America/New_York"
LAST_PURCHASE = datetime(2018, 1, 1, 4, 1, 20, tzinfo=UTC)  # the whole source's; a test reads the file


def shift_for(today: date) -> int:
    """Whole days that move the source's last purchase to yesterday.

    Both dates are UTC dates, so that at any moment of `today` no purchase lies in the future.
    """
    return (today - timedelta(days=1) - LAST_PURCHASE.date()).days


def moved(times: pd.Series, shift_days: int) -> pd.Series:
    """Source times (UTC, without offset) moved by whole days of wall time; UTC with offset.

    On the new date, a wall time that does not exist is the same minute of the next hour, and one that
    exists twice is the first of the two.
    """
    wall = times.dt.tz_localize("UTC").dt.tz_convert(SHOP_ZONE).dt.tz_localize(None)
    return at_shop(wall + pd.Timedelta(days=shift_days))


def at_shop(wall: pd.Series) -> pd.Series:
    """Wall times of the shop as UTC instants, by the rule of `moved`."""
    first_of_two = np.ones(len(wall), dtype=bool)
    local = wall.dt.tz_localize(SHOP_ZONE, ambiguous=first_of_two, nonexistent=pd.Timedelta(hours=1))
    return local.dt.tz_convert("UTC")


def last_purchase(shift_days: int) -> datetime:
    """The source's last purchase after the move: the end of the real history (UTC)."""
    naive = pd.Series([pd.Timestamp(LAST_PURCHASE).tz_localize(None)])
    return moved(naive, shift_days).iloc[0].to_pydatetime()


def start_of(day: date) -> datetime:
    """Midnight UTC at which `day` begins."""
    return datetime.combine(day, time(), tzinfo=UTC)


def whole_second(moment: datetime) -> datetime:
    """The moment without its fraction of a second."""
    return moment.replace(microsecond=0)
