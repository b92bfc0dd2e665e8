"""A period is planned on the facts loaded for it: the first task of a campaign's DAG waits for their load.

Loads and hourly campaigns start at the same tick, and the files of that tick hold what happened until then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowSensorTimeout

from lifecycle_airflow.dag_defaults import LOAD_SCHEDULE
from lifecycle_airflow.installation import installation
from lifecycle_airflow.pauses import is_active
from lifecycle_airflow.run_window import RunWindowMissing, run_window
from lifecycle_mail.campaigns import tick_at_or_after, tick_at_or_before
from lifecycle_mail.errors import FutureRefused

if TYPE_CHECKING:
    from lifecycle_mail.pipeline import Installation

LOAD = "load_sources"
# A load may take two hours, and begins within an hour of a period's end.
LONGEST_WAIT = dt.timedelta(hours=3)
LOOK_AGAIN_AFTER = dt.timedelta(seconds=30)
ONE_LOOK = dt.timedelta(minutes=5)
NEXT_LOAD_WITHIN = dt.timedelta(hours=1)


class LoadGate(BaseSensorOperator):
    """Waits until the facts of the run's period are loaded, without a worker; fails after LONGEST_WAIT."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(
            mode="reschedule",
            poke_interval=LOOK_AGAIN_AFTER,
            timeout=LONGEST_WAIT,
            execution_timeout=ONE_LOOK,
            **arguments,
        )

    def poke(self, context: Mapping[str, Any]) -> bool:
        with installation() as system:
            awaited = awaited_load(context, system)
        if awaited:
            self.log.info("not planned yet: %s", awaited)
        return awaited is None

    def execute(self, context: Mapping[str, Any]) -> Any:
        try:
            return super().execute(context)
        except AirflowSensorTimeout:
            hours = LONGEST_WAIT / dt.timedelta(hours=1)
            raise AirflowSensorTimeout(
                f"the facts of this run's period were not loaded within {hours:g} hours: look at the runs of {LOAD}, "
                "or pause it if the facts are loaded in another way; nothing was planned"
            ) from None


def awaited_load(context: Mapping[str, Any], system: Installation) -> str | None:
    """Return which load the run has to wait for, or None if it need not wait.

    Without an unpaused DAG that loads, facts come in another way and no run waits. Someone who gives an instant means
    the facts there are: such a run waits only for a load that is under way. A run for the future, or for no period, is
    left to the next task, which refuses it.
    """
    try:
        window = run_window(context)
    except (RunWindowMissing, FutureRefused):
        return None
    if not is_active(LOAD, context["ti"].get_dag):
        return None
    if window.start is None:
        return "a load is under way" if system.is_loading() else None
    since = loads_wanted_since(window.end)
    if system.is_loaded_since(since):
        return None
    return f"no load that began at {since:%Y-%m-%d %H:%M UTC} or later is done"


def loads_wanted_since(period_end: dt.datetime, schedule: str = LOAD_SCHEDULE) -> dt.datetime:
    """Return the moment from which on a load has to begin, to hold the facts of a period that ends at `period_end`.

    That is the end itself. If the next load comes much later, because loads are rare, it is the last load before it.
    """
    if tick_at_or_after(schedule, period_end) - period_end <= NEXT_LOAD_WITHIN:
        return period_end
    return tick_at_or_before(schedule, period_end)
