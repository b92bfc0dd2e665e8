"""A task logs what came in by reason, and the task after it is red for the alarms."""

from __future__ import annotations

import logging

import pytest

from lifecycle_airflow.intake import logged, require_no_alarm
from lifecycle_mail.errors import IntakeAlarm


def test_the_table_and_the_alarms_are_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """XCom gets numbers; the log has the table and a line for each alarm."""
    with caplog.at_level(logging.INFO):
        counts = logged("events", [("received", 12), ("refused: broken", 1)], {"received": 12}, ["a: 1 of 12 …"])
    assert counts == {"received": 12, "alarms": 1}
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert said == [("INFO", "events\n12  received\n 1  refused: broken"), ("ERROR", "a: 1 of 12 …")]


def test_the_next_task_fails_for_alarms_alone() -> None:
    """Counts without an alarm, or no counts of a skipped task, pass."""
    require_no_alarm({"received": 12, "alarms": 0})
    require_no_alarm(None)
    with pytest.raises(IntakeAlarm, match="2 alarm"):
        require_no_alarm({"received": 12, "alarms": 2})
