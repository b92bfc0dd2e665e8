"""Judge the conditions of steps (`when`, `unless`), each word by its file in include/sql/decisions/conditions.

Words of RULES ask what the rules of a segment ask. The segments stage answers them, once per moment at which the step
came due, for the customers of that moment alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from lifecycle_mail.campaigns import Campaign, asked
from lifecycle_mail.database import run, run_with, texts
from lifecycle_mail.segments import RuleSegment, condition_rules, fitting, require_segments
from lifecycle_mail.words import CONDITIONS, words_of

RULES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "has": lambda rule: rule,
    "in_segment": lambda value: value,
    "stage": lambda value: {"is": "lifecycle_stage", "in": value["stages"]},
}


def judge_conditions(connection: Connection, campaign: Campaign) -> None:
    """Note for which steps of `due` one of their conditions does not hold."""
    for step in campaign.every_step:
        for clause, conditions in (("when", step.when), ("unless", step.unless)):
            for word, value in conditions.items():
                _judge(connection, step.step, clause, word, value)


def _judge(connection: Connection, step: str, clause: str, word: str, value: Any) -> None:
    if word in RULES:
        _find_fitting(connection, step, rules_of(word, value))
    run_with(
        connection,
        "decisions/judge_condition",
        {"condition_word": (words_of(CONDITIONS)[word].file,)},
        step=step,
        value=orjson.dumps(asked(word, value)).decode(),
        must_hold=clause == "when",
        condition=orjson.dumps({clause: {word: value}}).decode(),
    )


def rules_of(word: str, value: Any) -> RuleSegment:
    """Return what a word of RULES asks, as the rules of a segment.

    Raises:
        SegmentError: a rule that no segment could have.
    """
    return condition_rules(RULES[word](asked(word, value)))


def require_rules(word: str, value: Any) -> None:
    """Refuse a condition whose rule no segment could have, or that names a segment that is not there.

    Raises:
        SegmentError: what is wrong, and what to write.
    """
    if word in RULES:
        require_segments(rules_of(word, value))


def _find_fitting(connection: Connection, step: str, rules: RuleSegment) -> None:
    """Fill the table `fitting` with the customers whom the rules fit at the moment that the step is due for them."""
    connection.exec_driver_sql("delete from fitting")
    for moment in run(connection, "decisions/due_moments", step=step).all():
        found = fitting(connection, rules, moment.due_at, moment.customers)
        run(connection, "decisions/add_fitting", due_at=moment.due_at, customers=texts(found))
