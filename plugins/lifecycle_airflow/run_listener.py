"""A listener in Airflow's scheduler that fails a run at once if it would wait for the future, and notes refusals.

The scheduler starts a run whose logical date is in the future, schedules none of its tasks, and logs one line. A run
whose `run_after` is in the future stays queued. Both count as the one run that a DAG of ours may have at a time, so no
later run begins, and nothing is red. Airflow has no earlier moment at which such a run could be refused.

A person who filled in a form looks at the run, not at the log of a task. So what a task refused is the note of its run.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl
from airflow.utils.state import DagRunState

from lifecycle_airflow.dag_defaults import TAG
from lifecycle_airflow.run_window import now
from lifecycle_mail.errors import FutureRefused
from lifecycle_mail.moments import CLOCK_SKEW, require_not_future

logger = logging.getLogger(__name__)

LONGEST_NOTE = 1000  # characters, the limit of Airflow's table
REFUSED = "refused"
"""The key under which a task leaves the line that says why it refused what it was asked."""


@hookimpl
def on_dag_run_running(dag_run: Any) -> None:
    """Fail the run that has just started if its logical date is in the future, and runs queued for the future.

    The scheduler calls this in its own transaction, which it commits; nothing may be committed here. Only DAGs of this
    product are touched.
    """
    if TAG not in dag_run.dag.tags:
        return
    refuse_future(dag_run, dag_run.logical_date, "this run's logical date")
    for waiting in _queued_for_the_future(dag_run):
        refuse_future(waiting, waiting.run_after, "this run's run_after")


@hookimpl
def on_dag_run_failed(dag_run: Any) -> None:
    """Write what a task of the run refused into its note; the scheduler commits it."""
    if TAG not in dag_run.dag.tags:
        return
    said = _refused(dag_run)
    if said:
        dag_run.note = "\n".join(filter(None, (*said, dag_run.note)))[:LONGEST_NOTE]


def refuse_future(dag_run: Any, moment: Any, what: str) -> None:
    """Fail `dag_run` with a note if `moment` (None = it has none) is in the future, and tell other listeners."""
    if moment is None:
        return
    try:
        require_not_future(moment, now(), what, "trigger it with one that has passed, or with the param as_of")
    except FutureRefused as refused:
        logger.error("%s, run %s: %s", dag_run.dag_id, dag_run.run_id, refused)
        dag_run.state = DagRunState.FAILED
        dag_run.note = "\n".join(filter(None, (str(refused), dag_run.note)))[:LONGEST_NOTE]
        dag_run.notify_dagrun_state_changed(msg=str(refused))


def _queued_for_the_future(dag_run: Any) -> list[Any]:
    """Lock and return this product's queued runs that may not start yet; leave out those of other schedulers."""
    from airflow.models.dag import DagTag  # not in a task's process, which loads this module too
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    ours = select(DagTag.dag_id).where(DagTag.name == TAG)
    waiting = select(DagRun).where(
        DagRun.state == DagRunState.QUEUED, DagRun.run_after > now() + CLOCK_SKEW, DagRun.dag_id.in_(ours)
    )
    session = object_session(dag_run)
    return list(session.scalars(waiting.with_for_update(of=DagRun, skip_locked=True))) if session else []


def _refused(dag_run: Any) -> list[str]:
    """Return what tasks of the run left under REFUSED."""
    from airflow.models.xcom import XComModel  # not in a task's process, which loads this module too
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    left = select(XComModel.value).where(
        XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id, XComModel.key == REFUSED
    )
    session = object_session(dag_run)
    return [str(line) for line in session.scalars(left)] if session else []
