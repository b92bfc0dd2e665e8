"""Decide due steps, in seven statements over temporary tables (include/sql/decisions/):

    create_due     the steps that wait, each with its series and customer
    create_hours   when a mail may go, per zone and due time
    create_fitting whom a rule of a condition fits, at the moment that its step is due
    create_unmet   conditions of steps that do not hold (judge_condition, once per condition)
    create_places  the place of the day or week that it would take
    create_judged  one answer per step: decision.refusal, then the cap, then the hours
    record         the decisions, and how far the lane was decided

The order of the rules: the series has ended (converted, superseded, unsubscribed …), the step is not for this series
(`added_later`, `step_gone`, `already_sent`), erased or unknown customer, no permission, suppressed, branch not taken,
held out, stale, over the cap (`lower_priority` if a mail that wins is planned, else `capped`), outside the recipient's
hours (`quiet_hours`), and otherwise `eligible`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from lifecycle_mail.campaigns import Campaign, Topic
from lifecycle_mail.concurrency import PARALLEL_FROM_ROWS, exclusive_lock, run_in_parallel
from lifecycle_mail.database import refresh_statistics, run, run_given, run_with, scalar
from lifecycle_mail.decisions.conditions import judge_conditions
from lifecycle_mail.journeys import MOMENTS, first_name_to_plan, name_of, raise_alerts, steps_given

MIDNIGHT = dt.time(0)
AWAITED = "decisions/awaited"
AWAITED_MOMENTS = "decisions/awaited_moment"
MOST_AWAITED = 1_000_000  # above the number of any step that a customer's series wait for
TABLES = ("due", "hours", "fitting", "unmet", "places", "judged")  # in the order they are made


@dataclass(frozen=True)
class DecideCounts:
    """Steps decided, by outcome and reason: {("skip", "no_permission"): 3, …}."""

    steps: dict[tuple[str, str], int]

    def counts(self) -> dict[str, int]:
        return {f"{outcome}:{reason}": steps for (outcome, reason), steps in self.steps.items()}


def decide(
    engine: Engine, campaign: Campaign, topic: Topic, as_of: dt.datetime, now: dt.datetime
) -> DecideCounts:
    """Give each step that came due since the last run its one decision.

    `as_of` is the period that the run works for; lateness counts from `now`. A deferral carries `until`, and its mail
    waits until then. A skip gets no mail. A second run finds nothing left to decide.
    Each step lies in one of two lanes, according to its enrollment. Two transactions decide the lanes at the same time.
    A kill between their commits leaves the second lane to the next run.
    """
    lock_name = f"campaign:{campaign.campaign}"
    with exclusive_lock(engine, lock_name):
        with engine.begin() as connection:
            first_name_to_plan(connection, campaign.campaign)
            connection.execute(sa.text("select installation.ensure_month('decision.decision', :now)"), {"now": now})
            lanes = run(connection, "decisions/lanes", campaign=campaign.campaign).all()
        if not lanes:
            return DecideCounts({})
        given = {"as_of": as_of, "now": now, **_rules(campaign, topic)}
        decided = run_in_parallel(engine, lock_name, lanes, partial(_decide, campaign, given))
        steps = sum(decided, Counter())
        with engine.begin() as connection:
            refresh_statistics(connection, "decision.decision", steps.total())
    return DecideCounts(dict(steps))


def _decide(
    campaign: Campaign, given: dict[str, Any], connection: Connection, lane: Row[Any]
) -> Counter[tuple[str, str]]:
    """Decide the steps of one lane; return how many, by outcome and reason."""
    if lane.upto - lane.later_than > PARALLEL_FROM_ROWS:
        connection.exec_driver_sql("set local work_mem = '128MB'")
    given = {**given, **lane._mapping}
    run_given(connection, f"decisions/create_{TABLES[0]}", given)
    _judge(connection, campaign, given)
    raise_alerts(connection, campaign, given["now"])
    rows = run_given(connection, "decisions/record", given).all()
    _drop(connection)
    return Counter({(row.outcome, row.reason): row.steps for row in rows})


def _judge(connection: Connection, campaign: Campaign, given: dict[str, Any]) -> None:
    """Find the answer to each step of `due`."""
    connection.exec_driver_sql(f"analyze {TABLES[0]}")
    for table in TABLES[1:]:
        run_given(connection, f"decisions/create_{table}", given)
        if table == "unmet":
            judge_conditions(connection, campaign)
        if table != TABLES[-1]:  # the last one is read from beginning to end
            connection.exec_driver_sql(f"analyze {table}")


def _drop(connection: Connection) -> None:
    """Drop the tables: a rehearsal decides again in the same transaction."""
    connection.exec_driver_sql(f"drop table {', '.join(TABLES)}")


@dataclass(frozen=True)
class Answer:
    """What deciding would say of a step. `refusal`: why it gets no mail, None = nothing refuses it. `reason`: what its
    decision would name."""

    step: str
    due_at: dt.datetime
    refusal: str | None
    reason: str


def answers(
    connection: Connection, campaign: Campaign, topic: Topic, customer_id: str, now: dt.datetime
) -> list[Answer]:
    """Return what deciding would say at `now` of the steps that the customer's running series waits for.

    These are the steps without a decision, and the one that comes due next. Nothing is kept. Of a step that is not due
    yet only the `refusal` is worth reading: its hours and its cap are judged for the moment it is due.
    """
    asked = {
        "campaign": campaign.campaign,
        "first_name": name_of(connection, campaign.campaign).first_name,
        "customer_id": customer_id,
        "steps": steps_given(campaign),
        **_steps_named(campaign),
    }
    whole_lane = {"lane": 0, "later_than": 0, "upto": MOST_AWAITED}
    awaited = {"journey.step_due": (AWAITED,)}
    if not campaign.is_fixed:
        awaited = {"journey.step_due": (AWAITED_MOMENTS,), **MOMENTS}
    run_with(connection, f"decisions/create_{TABLES[0]}", awaited, **asked, **whole_lane)
    _judge(connection, campaign, {"now": now, **_rules(campaign, topic)})
    found = [Answer(**row) for row in run(connection, "decisions/answers").mappings()]
    _drop(connection)
    return found


def _rules(campaign: Campaign, topic: Topic) -> dict[str, Any]:
    """Return what campaign and topic demand, in the form that the SQL takes."""
    return {
        "campaign": campaign.campaign,
        **_steps_named(campaign),
        "topic": topic.topic,
        "max_lateness_hours": campaign.max_lateness_hours,
        "permissions": list(topic.permissions),
        "is_marketing": topic.is_marketing,
        "cap_mails": topic.cap.mails if topic.cap else None,
        "cap_period": topic.cap.per if topic.cap else "day",
        **send_hours(campaign, topic),
    }


def _steps_named(campaign: Campaign) -> dict[str, Any]:
    """Return the names of all steps, and of those that have an alert and no mail."""
    return {
        "step_names": [step.step for step in campaign.every_step],
        "alert_names": [step.step for step in campaign.every_step if not step.template],
    }


def send_hours(campaign: Campaign, topic: Topic) -> dict[str, Any]:
    """Return the campaign's window and the topic's quiet hours as the four local times that the SQL takes."""
    window, quiet = campaign.send_window, topic.quiet_hours
    return {
        "window_opens": window.begins if window else MIDNIGHT,
        "window_closes": window.ends if window else MIDNIGHT,
        "quiet_begins": quiet.begins if quiet else MIDNIGHT,
        "quiet_ends": quiet.ends if quiet else MIDNIGHT,
    }


def close(connection: Connection, campaign: str, now: dt.datetime) -> int:
    """Decide every step that waits in a campaign without a running series, each for the reason its series ended.

    Returns how many it were. The caller holds the campaign's lock.
    """
    connection.execute(sa.text("select installation.ensure_month('decision.decision', :now)"), {"now": now})
    return int(scalar(connection, "decisions/close", campaign=campaign, now=now))


def rename_campaign(connection: Connection, former: str, present: str) -> None:
    """Give a campaign's decisions its present name."""
    run(connection, "decisions/rename_campaign", former=former, present=present)
