"""Stage 3, journeys: who is in which series, at which step, when it ended and why.

Reads segment membership; writes schema `journey`. Enrollment is a snapshot: a member who leaves the segment stays in
the series, unless the campaign's `exit_on` says otherwise.
"""

from lifecycle_mail.journeys.planning import overdue, record_planning, watch_plannings
from lifecycle_mail.journeys.series import (
    AdvanceCounts,
    EnrollCounts,
    advance,
    enroll,
    erase_contexts,
    goal_facts,
    is_published,
    publish,
    rename_topics,
)

__all__ = [
    "AdvanceCounts",
    "EnrollCounts",
    "advance",
    "enroll",
    "erase_contexts",
    "goal_facts",
    "is_published",
    "overdue",
    "publish",
    "record_planning",
    "rename_topics",
    "watch_plannings",
]
