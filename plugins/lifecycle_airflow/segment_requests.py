"""The tasks of `request_segment`: who asked, what the approver sees, and what the answer does."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param

from lifecycle_airflow.installation import Counts, installation
from lifecycle_airflow.run_listener import REFUSED
from lifecycle_airflow.run_window import now
from lifecycle_mail.errors import SegmentError

if TYPE_CHECKING:
    from lifecycle_mail.pipeline import Installation
    from lifecycle_mail.segments import SegmentCounts

log = logging.getLogger(__name__)

APPROVE, REJECT = "Approve", "Reject"
TIME_TO_ANSWER = dt.timedelta(days=7)
NO_ANSWER = "no answer in time"
UNKNOWN_PERSON = "unknown"
REASON = Param("", type=["null", "string"], title="Why", description="For who asked. No addresses.")


def ask(system: Installation, context: Mapping[str, Any]) -> Counts:
    """Ask for the segment of the form, and keep its preview; return the version, and how many customers are in it."""
    from lifecycle_mail.segments import as_in_form, rules_of_form  # not while parsing: it imports the whole stage

    params = context["params"]
    try:
        asked = system.request_segment(rules_of_form(params), requester(context), now(), params.get("note") or None)
        return {"version": asked.version, "customers": system.show_request(asked, now())}
    except SegmentError as error:
        refused = as_in_form(error, params)
        context["ti"].xcom_push(key=REFUSED, value=str(refused))  # the scheduler writes it into the note of the run
        raise refused from None


def person(name: str | None) -> str:
    """Return the login of a person of Airflow. Logins may be addresses, and these are not kept."""
    return (name or "").partition("@")[0].strip() or UNKNOWN_PERSON


def requester(context: Mapping[str, Any]) -> str:
    """Return who triggered the run."""
    return person(context["dag_run"].triggering_user_name)


class SegmentDecision(HITLOperator):
    """Shows the preview of the version that `request` asked for, and approves or rejects it as the person answers.

    Without an answer within TIME_TO_ANSWER it is rejected. The result is a count, so the answer is not kept in XCom.
    """

    def execute(self, context: Mapping[str, Any]) -> Any:
        with installation() as system:
            self.body = system.shown_request(context["params"]["segment"], _version(context))
        return super().execute(context)

    def execute_complete(self, context: Mapping[str, Any], event: dict[str, Any]) -> Counts:
        super().execute_complete(context, event)
        who = event["responded_by_user"]
        by = person(who["name"] or who["id"]) if who else UNKNOWN_PERSON
        reason = str((event["params_input"] or {}).get("reason") or "") or (None if who else NO_ANSWER)
        is_approved = event["chosen_options"] == [APPROVE]
        with installation() as system:
            system.decide_segment(
                context["params"]["segment"], by, now(),
                is_approved=is_approved, reason=reason, version=_version(context),
            )  # fmt: skip
        return {"approved": int(is_approved)}


def decision() -> SegmentDecision:
    """Return the task that waits for the decision."""
    return SegmentDecision(
        task_id="decision",
        subject="Segment {{ params.segment }}: approve it?",
        options=[APPROVE, REJECT],
        defaults=REJECT,
        params={"reason": REASON},
        response_timeout=TIME_TO_ANSWER,
        execution_timeout=None,
    )


def refreshed(done: Mapping[str, SegmentCounts], failed: Sequence[SegmentError]) -> Counts:
    """Log what a refresh did; return how many segments and members there are.

    Raises:
        SegmentError: some could not be computed; the log names them.
    """
    for name, one in done.items():
        log.info("segment %s: %s members, %s entered, %s departed", name, one.members, one.entered, one.departed)
    for error in failed:
        log.error(str(error))
    if failed:
        raise SegmentError(f"{len(failed)} segment(s) of rules could not be computed: the log above names them")
    return {"segments": len(done), "members": sum(one.members for one in done.values())}


def _version(context: Mapping[str, Any]) -> int:
    return int(context["ti"].xcom_pull(task_ids="ask")["version"])
