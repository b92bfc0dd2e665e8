"""Conditions of steps: who takes a branch, who does not, and which condition says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import NOON, insert, message_id_of, order, rows
from lifecycle_mail.kpis import timeline
from planning import campaign_of, decided, members, plan, states, topic_of

HOUR = timedelta(hours=1)
DUE = NOON + 72 * HOUR
AGAIN = {"step": "again", "after_hours": 72, "template": "cart_abandoned/doubts"}


def campaign(**clauses: Any) -> Any:
    """A reminder, and 72 hours later the step `again` with the given `when` and `unless`."""
    reminder = {"step": "reminder", "after_hours": 0, "template": "cart_abandoned/reminder"}
    return campaign_of(exit_on=[], steps=[reminder, {**AGAIN, **clauses}])


def accept(engine: Engine, *names: str) -> None:
    """Let the provider have taken the planned mails of these customers at noon."""
    with engine.begin() as connection:
        for name in names:
            query = "update message.message set state = 'accepted', accepted_at = :noon where customer_id = :name"
            connection.execute(sa.text(query), {"noon": NOON, "name": name})


def react(engine: Engine, name: str, **columns: datetime) -> None:
    """What came back of a customer's reminder."""
    with engine.begin() as connection:
        query = "select enrollment_id from journey.enrollment where customer_id = :name"
        series = rows(connection, query, name=name)[0][0]
        insert(
            connection, "event.engagement", enrollment_id=series, step="reminder", campaign="cart_abandoned",
            customer_id=name, message_id=message_id_of(connection, series, "reminder"), batch_id=1,
            first_event_at=NOON, **columns,
        )  # fmt: skip


def again(engine: Engine) -> dict[str, tuple[Any, ...]]:
    """(outcome, reason, condition) of the second step, by customer."""
    query = """
        select customer_id, outcome, reason, detail -> 'condition' from decision.decision where step = 'again'
    """
    with engine.connect() as connection:
        return {row[0]: row[1:] for row in rows(connection, query)}


def test_a_second_mail_goes_to_those_who_got_the_first_and_did_not_open_it(warehouse: Engine) -> None:
    """Each customer who does not take the branch has a decision that names the condition, and no mail."""
    members(warehouse, "opener", "clicker", "machine", "silent", "refused")
    both = campaign(when={"sent": "reminder"}, unless={"opened": "reminder"})
    plan(warehouse, both, topic_of())
    accept(warehouse, "opener", "clicker", "machine", "silent")
    react(warehouse, "opener", first_open_at=NOON + HOUR)
    react(warehouse, "clicker", first_click_at=NOON + HOUR)
    react(warehouse, "machine", first_machine_open_at=NOON + HOUR)
    plan(warehouse, both, topic_of(), DUE)
    opened, unsent = {"unless": {"opened": "reminder"}}, {"when": {"sent": "reminder"}}
    assert again(warehouse) == {
        "opener": ("skip", "branch_not_taken", opened),
        "clicker": ("skip", "branch_not_taken", opened),
        "machine": ("send", "eligible", None),
        "silent": ("send", "eligible", None),
        "refused": ("skip", "branch_not_taken", unsent),
    }
    assert {(name, state) for name, step, state, _ in states(warehouse) if step == "again"} == {
        ("machine", "planned"), ("silent", "planned"),
    }  # fmt: skip
    plan(warehouse, both, topic_of(), DUE)
    assert len(decided(warehouse)) == 10


def test_a_late_run_judges_by_the_due_moment(warehouse: Engine) -> None:
    """What happened after the step was due changes no branch, whenever the run comes."""
    members(warehouse, "ann")
    unopened = campaign(unless={"opened": "reminder"})
    plan(warehouse, unopened, topic_of())
    accept(warehouse, "ann")
    react(warehouse, "ann", first_open_at=DUE + timedelta(seconds=1))
    plan(warehouse, unopened, topic_of(), DUE + 2 * HOUR)
    assert again(warehouse) == {"ann": ("send", "eligible", None)}


def test_held_out_people_take_the_branch_of_a_mail_that_was_never_opened(warehouse: Engine) -> None:
    """For held-out people a decided step counts as sent and unopened; a branch they do not take is named as for other
    people."""
    members(warehouse, "ann", "buyer")
    branch = campaign(when={"sent": "reminder"}, unless={"opened": "reminder", "bought": True})
    held = branch.model_copy(update={"holdout": 1.0})
    plan(warehouse, held, topic_of())
    with warehouse.begin() as connection:
        order(connection, "o1", "buyer", NOON + HOUR)
    plan(warehouse, held, topic_of(), DUE)
    assert again(warehouse) == {
        "ann": ("skip", "held_out", None),
        "buyer": ("skip", "branch_not_taken", {"unless": {"bought": True}}),
    }


def test_a_permission_is_asked_before_a_branch(warehouse: Engine) -> None:
    """A person who may not be mailed is refused for that, whatever the branch says."""
    members(warehouse, "ann", permission="withdrawn")
    plan(warehouse, campaign(when={"sent": "reminder"}), topic_of())
    plan(warehouse, campaign(when={"sent": "reminder"}), topic_of(), DUE)
    assert again(warehouse) == {"ann": ("skip", "no_permission", None)}


def test_why_names_the_condition(warehouse: Engine) -> None:
    """The timeline of a customer says which condition did not hold."""
    members(warehouse, "ann")
    plan(warehouse, campaign(when={"sent": "reminder"}), topic_of())
    plan(warehouse, campaign(when={"sent": "reminder"}), topic_of(), DUE)
    with warehouse.connect() as connection:
        told = [(one.step, one.what, one.why) for one in timeline(connection, "ann") if one.step == "again"]
    assert told == [("again", "decided: skip", 'branch_not_taken {"condition": {"when": {"sent": "reminder"}}}')]


@pytest.mark.parametrize(
    ("clauses", "said"),
    [
        ({"when": {"sent": "doubts"}}, "takes the name of an earlier step, not 'doubts': choose one of reminder"),
        ({"when": {"sent": "again"}}, "takes the name of an earlier step, not 'again': choose one of reminder"),
        ({"when": {"clicked": {"step": "doubts"}}}, "'clicked' takes the name of an earlier step, not 'doubts'"),
        ({"unless": {"sent": True}}, "valid string"),
        ({"unless": {"bought": "reminder"}}, "takes true: write true"),
        ({"when": {"variant": "reminder"}}, "takes keys and values: write step, is below it"),
        ({"when": {"variant": {"step": "reminder", "is": "short"}}}, "'reminder' has no variant 'short': it has none"),
        ({"when": {"rated": {}}}, "says no rating: add at_least or at_most"),
        ({"when": {"has": {"is": "contry", "in": ["TH"]}}}, "country"),
        ({"when": {"stage": "leed"}}, "lead"),
        ({"when": {"send": "reminder"}}, "Extra inputs"),
    ],
)
def test_a_value_that_a_word_does_not_take_is_refused(clauses: dict[str, Any], said: str) -> None:
    """A condition about a step names an earlier one; one without a step says true."""
    with pytest.raises(ValueError, match=said):
        campaign(**clauses)


def test_rules_are_judged_at_the_moment_that_each_step_is_due(warehouse: Engine) -> None:
    """`has`, `stage` and `in_segment` ask the facts of the due moment, of each series its own; a later fact, and what
    another customer did, change nothing."""
    members(warehouse, "ann", "bob", "cat", country="TH")
    members(warehouse, "dan", country="FR")
    asked = {"has": {"is": "country", "in": ["TH", "TW"]}, "stage": ["first_time_buyer", "at_risk"]}
    branch = campaign(when=asked, unless={"in_segment": "inactive"})
    plan(warehouse, branch, topic_of())
    with warehouse.begin() as connection:
        order(connection, "o1", "ann", NOON + HOUR)
        order(connection, "o2", "bob", DUE + HOUR)
        order(connection, "o3", "cat", NOON - timedelta(days=100))
        order(connection, "o4", "dan", NOON + HOUR)
    plan(warehouse, branch, topic_of(), DUE + 2 * HOUR)
    assert {name: (reason, condition) for name, (_, reason, condition) in again(warehouse).items()} == {
        "ann": ("eligible", None),
        "bob": ("branch_not_taken", {"when": {"stage": ["first_time_buyer", "at_risk"]}}),
        "cat": ("branch_not_taken", {"unless": {"in_segment": "inactive"}}),
        "dan": ("branch_not_taken", {"when": {"has": {"is": "country", "in": ["TH", "TW"]}}}),
    }
