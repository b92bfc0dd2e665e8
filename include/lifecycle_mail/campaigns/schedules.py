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
