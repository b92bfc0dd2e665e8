"""The pool `sendgrid`, which bounds the requests to SendGrid at the same time: made when Airflow starts.

A task of a pool that does not exist is never started, and Airflow says so in the scheduler's log alone. Scheduler, DAG
processor and triggerer may write Airflow's tables, and each calls its listeners when it starts. The process of a task
calls them too, and has no database.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from airflow.listeners import hookimpl

logger = logging.getLogger(__name__)

POOL = "sendgrid"
SLOTS_SETTING = "SENDGRID_POOL_SLOTS"
DEFAULT_SLOTS = 4
DESCRIPTION = "Requests to SendGrid at the same time"
JOBS = "airflow.jobs.job"  # where Airflow's class of components with a database is


@hookimpl
def on_starting(component: Any) -> None:
    """Make the pool if there is none. A task's process leaves it to the others.

    A failure is one line in the log: it must not keep a component from starting. Airflow calls this before it says
    which component it is.
    """
    if type(component).__module__ != JOBS:
        return
    try:
        ensure_pool()
    except Exception as error:
        logger.error(
            "the pool '%s' could not be made (%s): no mail leaves without it: run `airflow pools set %s %d '%s'`",
            POOL, type(error).__name__, POOL, DEFAULT_SLOTS, DESCRIPTION,
        )  # fmt: skip


def ensure_pool() -> bool:
    """Make the pool with the slots of SENDGRID_POOL_SLOTS (4) if there is none; tell whether it was made.

    A pool that is there keeps its slots, because an operator may have changed them.
    """
    from airflow.models.pool import Pool  # not in a task's process, which loads this module too
    from airflow.utils.session import create_session
    from sqlalchemy.exc import IntegrityError

    try:
        with create_session() as session:
            if Pool.get_pool(POOL, session=session) is not None:
                return False
            session.add(Pool(pool=POOL, slots=slots(), description=DESCRIPTION, include_deferred=False))
    except IntegrityError:
        return False  # another component made it in this moment
    logger.info("made the pool '%s' with %d slots", POOL, slots())
    return True


def slots() -> int:
    """Return the pool's slots by SENDGRID_POOL_SLOTS; 4 if it is not set, or no number above 0."""
    written = os.environ.get(SLOTS_SETTING, "").strip()
    return int(written) if written.isascii() and written.isdigit() and int(written) > 0 else DEFAULT_SLOTS
