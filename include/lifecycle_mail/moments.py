"""What counts as the future, and its refusal. Below every stage; the clock itself is read above all of them.

A run for a moment that has not come yet would use up occurrences and plan mails on facts nobody has.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from lifecycle_mail.errors import FutureRefused

# Machines of one installation disagree about the time by so much at most.
CLOCK_SKEW = dt.timedelta(minutes=5)


def require_not_future(
    moment: dt.datetime, now: dt.datetime, what: str, remedy: str = "give a time that has passed"
) -> None:
    """Do nothing if `moment` is at most CLOCK_SKEW later than `now` (both aware).

    Raises:
        FutureRefused: it is later; the line says `what` it is (an option, a param) and the `remedy`.
    """
    if moment > now + CLOCK_SKEW:
        raise FutureRefused(
            f"{what} {_second(moment)} is in the future (it is {_second(now)}, and 5 minutes of difference between "
            f"clocks are allowed): nothing was done; {remedy}"
        )


def require_day_not_future(day: dt.date, now: dt.datetime, zone: str, what: str) -> None:
    """Do nothing if `day` has begun in `zone` (IANA) by `now` and CLOCK_SKEW.

    Raises:
        FutureRefused: it has not; the line says `what` it is.
    """
    today = (now + CLOCK_SKEW).astimezone(ZoneInfo(zone)).date()
    if day > today:
        raise FutureRefused(
            f"{what} {day} is in the future (today is {today} in {zone}): nothing was done; give a day up to today"
        )


def _second(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
