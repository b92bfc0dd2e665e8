"""What every DAG of this product has in common: owner, retries, limits, tags."""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, CronTriggerTimetable

from lifecycle_airflow.retry import RETRY_POLICY

OWNER = "lifecycle"
TAG = "lifecycle-mail"
LOAD_SCHEDULE = "0 * * * *"  # of load_sources; campaigns wait for its loads
FIRST_DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def dag_defaults(
    *tags: str, task_timeout: dt.timedelta, run_timeout: dt.timedelta, owner: str = OWNER
) -> dict[str, Any]:
    """Return the arguments that all DAGs of this product share.

    One run at a time, no catching up, three retries at growing distances. `task_timeout` limits one try of a task.
    `run_timeout` limits a run from its start, including retries and waiting. A run that exceeds it fails, so that a
    hanging run does not hold up all later ones.
    """
    return {
        "start_date": FIRST_DAY,
        "catchup": False,
        "max_active_runs": 1,
        "dagrun_timeout": run_timeout,
        "tags": sorted({TAG, *tags}),
        "default_args": {
            "owner": owner,
            "retries": 3,
            "retry_delay": dt.timedelta(minutes=1),
            "retry_exponential_backoff": 3,
            "max_retry_delay": dt.timedelta(minutes=15),
            "retry_policy": RETRY_POLICY,
            "execution_timeout": task_timeout,
        },
    }


def periods(cron: str) -> CronDataIntervalTimetable:
    """Return a schedule whose runs each cover a real period [start, end) between two ticks of `cron`, in UTC."""
    return CronDataIntervalTimetable(cron, timezone="UTC")


def ticks(cron: str) -> CronTriggerTimetable:
    """Return a schedule for work that needs a moment and no period: the ticks of `cron`, in UTC."""
    return CronTriggerTimetable(cron, timezone="UTC")
