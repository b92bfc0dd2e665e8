"""What counts as the future, and how it is refused. Below every stage; only code above the stages reads the clock.

A run for a future moment would use up occurrences, and would plan mails without the facts of that time.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from lifecycle_mail.errors import FutureRefused

# The clocks of one installation's machines differ by at most this much.
CLOCK_SKEW = dt.timedelta(minutes=5)


def require_not_future(
    moment: dt.datetime, now: dt.datetime, what: str, remedy: str = "give a time that has passed"
) -> None:
    """Do nothing if `moment` is at most CLOCK_SKEW later than `now` (both aware).

    Raises:
        FutureRefused: it is later; the message names `what` (an option, a param) and the `remedy`.
    """
    if moment > now + CLOCK_SKEW:
        raise FutureRefused(
            f"{what} {second(moment)} is in the future (it is {second(now)}, and 5 minutes of difference between "
            f"clocks are allowed): nothing was done; {remedy}"
        )


def require_day_not_future(day: dt.date, now: dt.datetime, zone: str, what: str) -> None:
    """Do nothing if `day` has begun in `zone` (IANA) by `now` plus CLOCK_SKEW.

    Raises:
        FutureRefused: the day has not begun; the message names `what`.
    """
    today = (now + CLOCK_SKEW).astimezone(ZoneInfo(zone)).date()
    if day > today:
        raise FutureRefused(
            f"{what} {day} is in the future (today is {today} in {zone}): nothing was done; give a day up to today"
        )


def minute(moment: dt.datetime) -> str:
    """Return an aware moment to the minute, in UTC, as messages to people say it."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M UTC}"


def second(moment: dt.datetime) -> str:
    """Return an aware moment to the second, in UTC."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S UTC}"
