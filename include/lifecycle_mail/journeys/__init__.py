"""Stage 3, journeys: who is in which series, at which step, when it ended and why.

Reads segment membership; writes schema `journey`. Enrollment is a snapshot: a member who leaves the segment stays in
the series, unless the campaign's `exit_on` says otherwise.
"""

from lifecycle_mail.journeys.names import CampaignName, first_name_to_plan, name_of, require_present
from lifecycle_mail.journeys.occurrences import PartExit, days_ahead, judged_part, part_exits
from lifecycle_mail.journeys.planning import (
    forget_planning,
    overdue,
    record_planning,
    turn_to_plan,
    watch_plannings,
)
from lifecycle_mail.journeys.series import (
    AdvanceCounts,
    EnrollCounts,
    Exit,
    advance,
    enroll,
    erase_contexts,
    exit_of,
    goal_facts,
    is_published,
    publish,
    raise_alerts,
    rename_campaign,
    rename_topics,
    retire,
)
from lifecycle_mail.journeys.steps import MOMENTS, steps_given

__all__ = [
    "MOMENTS",
    "AdvanceCounts",
    "CampaignName",
    "EnrollCounts",
    "Exit",
    "PartExit",
    "advance",
    "days_ahead",
    "enroll",
    "erase_contexts",
    "exit_of",
    "first_name_to_plan",
    "forget_planning",
    "goal_facts",
    "is_published",
    "judged_part",
    "name_of",
    "overdue",
    "part_exits",
    "publish",
    "raise_alerts",
    "record_planning",
    "rename_campaign",
    "rename_topics",
    "require_present",
    "retire",
    "steps_given",
    "turn_to_plan",
    "watch_plannings",
]
