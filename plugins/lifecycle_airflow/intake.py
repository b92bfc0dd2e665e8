"""Nothing silent: a task that takes files in logs its table by reason, and the task after it fails for the alarms."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lifecycle_airflow.installation import Counts
from lifecycle_mail.errors import IntakeAlarm
from lifecycle_mail.intake import Row, table

log = logging.getLogger(__name__)


def logged(title: str, rows: Sequence[Row], counts: dict[str, int], alarms: Sequence[str]) -> Counts:
    """Log the table and the alarms; return the counts and how many alarms there are, for `require_no_alarm`."""
    log.info("%s\n%s", title, table(rows))
    for alarm in alarms:
        log.error(alarm)
    return {**counts, "alarms": len(alarms)}


def require_no_alarm(counts: Counts) -> None:
    """Fail if the task before logged alarms. It has succeeded all the same, so what was good goes on.

    Raises:
        IntakeAlarm: the task's log says more.
    """
    if alarms := (counts or {}).get("alarms"):
        raise IntakeAlarm(
            f"{alarms} alarm(s): the log of the task before this one names them; what was good is taken in"
        )
