"""When a campaign's schedule asks for a planning: cron expressions, always in UTC."""

from __future__ import annotations

import datetime as dt

from croniter import croniter


def is_schedule(cron: str) -> bool:
    """Tell whether `cron` has five fields and matches a future moment (`0 0 30 2 *` matches none)."""
    return len(cron.split()) == 5 and croniter.is_valid(cron, strict=True)


def two_periods_after(cron: str, since: dt.datetime) -> dt.datetime:
    """Return the second tick of `cron` after `since` (aware). Until then, one planning may still be running."""
    ticks = croniter(cron, since.astimezone(dt.UTC))
    ticks.get_next(dt.datetime)
    return ticks.get_next(dt.datetime)


def period_at(cron: str, moment: dt.datetime) -> dt.timedelta:
    """Return how long the period of `cron` is in which `moment` (aware) lies; a tick begins the period after it."""
    return _after(cron, moment) - tick_at_or_before(cron, moment)


def tick_at_or_before(cron: str, moment: dt.datetime) -> dt.datetime:
    """Return the latest tick of `cron` that is not after `moment` (aware)."""
    return croniter(cron, _after(cron, moment)).get_prev(dt.datetime)


def tick_at_or_after(cron: str, moment: dt.datetime) -> dt.datetime:
    """Return the first tick of `cron` that is not before `moment` (aware)."""
    before = tick_at_or_before(cron, moment)
    return before if before == moment else _after(cron, moment)


def _after(cron: str, moment: dt.datetime) -> dt.datetime:
    return croniter(cron, moment.astimezone(dt.UTC)).get_next(dt.datetime)
