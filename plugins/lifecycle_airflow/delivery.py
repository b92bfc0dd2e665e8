"""What `deliver_messages` adds to the library: a DAG's pause stops its mail at once, and the log says what waits.

This DAG runs most often, so it also reports which campaigns have not planned.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lifecycle_airflow.campaign_dags import campaign_names
from lifecycle_airflow.pauses import paused_campaigns
from lifecycle_airflow.run_window import now

if TYPE_CHECKING:
    from lifecycle_mail.pipeline import Installation

logger = logging.getLogger(__name__)

LOOK_AGAIN_AFTER_SECONDS = 2.0


def copy_pauses_of(context: Mapping[str, Any], system: Installation) -> dict[str, int]:
    """Copy the pauses of campaign DAGs into the warehouse's flags; return how many are paused and known."""
    paused, known = paused_campaigns(campaign_names(), context["ti"].get_dag)
    system.sync_dag_pauses(paused, known, now())
    return {"paused": len(paused), "known": len(known)}


def require_planned(context: Mapping[str, Any], system: Installation) -> None:
    """Do nothing unless a campaign whose DAG is not paused has missed two plannings (PlanningOverdue)."""
    paused, known = paused_campaigns(campaign_names(), context["ti"].get_dag)
    system.require_planned(now(), paused, known)


def deliver_shard(context: Mapping[str, Any], system: Installation, shard: int) -> dict[str, int]:
    """Deliver until nothing is claimable, and look at the DAGs' pauses on the way; return the counts."""
    worker = f"{socket.gethostname()}:{os.getpid()}:{shard}"
    report = system.deliver(now, worker, shard=shard, progress=PauseWatch(context, system))
    for line in report.doubts():
        logger.warning("%s", line)
    for reason in sorted(report.stopped):
        logger.warning("not sent: %s", reason)
    return report.counts()


class PauseWatch:
    """Called after every request: every two seconds it copies the DAGs' pauses again.

    A delivery of a million messages takes minutes. An operator who pauses a campaign's DAG in that time wants its mail
    to stop now, and the next claim reads the flag copied here.
    """

    def __init__(self, context: Mapping[str, Any], system: Installation) -> None:
        self._context = context
        self._system = system
        self._looked_at = time.monotonic()

    def __call__(self, _report: object) -> None:
        if time.monotonic() - self._looked_at >= LOOK_AGAIN_AFTER_SECONDS:
            copy_pauses_of(self._context, self._system)
            self._looked_at = time.monotonic()
