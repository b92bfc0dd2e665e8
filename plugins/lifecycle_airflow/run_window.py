"""The period of a run, and the clock. DAG files and the library read neither anywhere else.

In Airflow 3 a cron schedule's data interval has no width, and manual and asset runs have no logical date at
all. So a run's period comes from the first of these that it has: its partition key, its params, a data interval
with a width. The period, never the run id, is the key of what a run does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifecycle_mail.errors import LifecycleError
from lifecycle_mail.moments import require_not_future

_DAY = dt.timedelta(days=1)


class RunWindowMissing(LifecycleError):
    """A run does not say which period it is for."""


@dataclass(frozen=True)
class RunWindow:
    """The half-open period [start, end) of a run, all times UTC.

    `as_of` is the end: the run's queries may know facts up to it. `start` is None if only an instant was given.
    `key` names the period; it is the same for every run and retry of it.
    """

    start: dt.datetime | None
    end: dt.datetime
    as_of: dt.datetime
    key: str


def run_window(context: Mapping[str, Any]) -> RunWindow:
    """Return the period of the run that `context` (Airflow's task context) belongs to.

    Raises:
        RunWindowMissing: the run has no period, or one that makes no sense; the message says what to do.
        FutureRefused: the period ends more than the clock skew in the future.
    """
    window = _window_of(context)
    require_not_future(
        window.end,
        now(),
        "the end of this run's period",
        "trigger it with an as_of, a partition key or a logical date that has passed",
    )
    return window


def _window_of(context: Mapping[str, Any]) -> RunWindow:
    key = context.get("partition_key")
    if key:
        return _of_partition(str(key))
    given = _given(context)
    if given.get("as_of"):
        return _window(None, _instant(given["as_of"], "as_of"))
    if given.get("window_start") or given.get("window_end"):
        return _of_params(given)
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is not None and end is not None and start < end:
        return _window(_utc(start), _utc(end))
    raise RunWindowMissing(
        "this run does not say which period it is for (no partition key, no data interval): trigger it with "
        'the param as_of, such as {"as_of": "2026-11-21T09:00:00Z"}, or with a logical date'
    )


def now() -> dt.datetime:
    """Return the present instant, UTC: the task's clock."""
    return dt.datetime.now(dt.UTC)


def _given(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the params of the run, overridden by its conf; params without a value count as absent."""
    conf = getattr(context.get("dag_run"), "conf", None) or {}
    return {**dict(context.get("params") or {}), **conf}


def _of_partition(key: str) -> RunWindow:
    """Read `start/end`, a day (the whole UTC day) or an instant; times without offset are UTC."""
    try:
        if "/" in key:
            start, end = (_utc(dt.datetime.fromisoformat(part)) for part in key.split("/"))
            return _ordered(start, end, "the partition key")
        if len(key) == len("2026-11-21"):
            start = _utc(dt.datetime.fromisoformat(key))
            return _window(start, start + _DAY)
        return _window(None, _utc(dt.datetime.fromisoformat(key)))
    except ValueError:
        raise RunWindowMissing(
            f"the partition key '{key}' is not a period: use a day (2026-11-21), an instant "
            "(2026-11-21T09:00:00) or start/end"
        ) from None


def _of_params(given: Mapping[str, Any]) -> RunWindow:
    for name, other in (("window_start", "window_end"), ("window_end", "window_start")):
        if not given.get(name):
            raise RunWindowMissing(f"{other} is given without {name}: give both, or as_of alone")
    start, end = (_instant(given[name], name) for name in ("window_start", "window_end"))
    return _ordered(start, end, "window_end")


def _instant(value: Any, name: str) -> dt.datetime:
    try:
        instant = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
    except ValueError:
        raise RunWindowMissing(f"{name} is '{value}': give a time such as 2026-11-21T09:00:00Z") from None
    if instant.tzinfo is None:
        raise RunWindowMissing(f"{name} is '{value}', without an offset: end it with Z, or with +01:00")
    return _utc(instant)


def _ordered(start: dt.datetime, end: dt.datetime, what: str) -> RunWindow:
    if start >= end:
        raise RunWindowMissing(f"{what} makes an empty period: its end {end} is not after its start {start}")
    return _window(start, end)


def _window(start: dt.datetime | None, end: dt.datetime) -> RunWindow:
    key = "/".join(time.isoformat() for time in (start, end) if time is not None)
    return RunWindow(start=start, end=end, as_of=end, key=key)


def _utc(time: dt.datetime) -> dt.datetime:
    """Return `time` as a plain UTC datetime (Airflow gives pendulum's); without offset it is UTC."""
    aware = time if time.tzinfo is not None else time.replace(tzinfo=dt.UTC)
    return dt.datetime.fromtimestamp(0, dt.UTC) + (aware - dt.datetime.fromtimestamp(0, dt.UTC))
