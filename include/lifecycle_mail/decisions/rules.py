"""Decide due steps. The rules themselves are the ordered `case` of include/sql/decisions/decide.sql.

The order: the series has ended (converted, superseded, unsubscribed …), erased or unknown customer, no
permission, suppressed, held out, stale, over the cap (`lower_priority` where a mail that wins is planned,
else `capped`), outside the recipient's hours (`quiet_hours`), and otherwise `eligible`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.campaigns import Campaign, Topic
from lifecycle_mail.database import refresh_statistics, run
from lifecycle_mail.parts import MANY_ROWS, alone, in_parts

MIDNIGHT = dt.time(0)


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

    `as_of` is the period the run works for, `now` the moment lateness counts from. A deferral carries `until`
    and its mail waits until then; a skip gets no mail. A second run finds nothing left to decide.
    Many steps are decided by two transactions at once; a kill between their commits leaves the second half to the
    next run.
    """
    lock_name = f"campaign:{campaign.campaign}"
    with alone(engine, lock_name):
        with engine.begin() as connection:
            connection.execute(sa.text("select installation.ensure_month('decision.decision', :now)"), {"now": now})
            waiting = run(
                connection, "decisions/steps_to_decide", campaign=campaign.campaign, many_rows=MANY_ROWS
            ).one()
        if waiting.upto is None:
            return DecideCounts({})
        is_many = waiting.steps >= MANY_ROWS
        given = {"as_of": as_of, "now": now, **_rules(campaign, topic), "upto": waiting.upto}
        given["room"] = None if is_many else 2 * waiting.steps
        decided = in_parts(engine, lock_name, (0, 1) if is_many else (None,), partial(_decide, given))
        steps = sum(decided, Counter())
        with engine.begin() as connection:
            refresh_statistics(connection, "decision.decision", steps.total())
    return DecideCounts(dict(steps))


def _decide(given: dict[str, Any], connection: Connection, half: int | None) -> Counter[tuple[str, str]]:
    """Decide the steps of one half of the enrollments, or of all; return how many by outcome and reason."""
    if half is not None:
        connection.exec_driver_sql("set local work_mem = '128MB'")
    rows = run(connection, "decisions/decide", half=half, **given).all()
    return Counter({(row.outcome, row.reason): row.steps for row in rows})


def _rules(campaign: Campaign, topic: Topic) -> dict[str, Any]:
    """Return what campaign and topic ask for, as the SQL takes it."""
    return {
        "campaign": campaign.campaign,
        "topic": topic.topic,
        "max_lateness_hours": campaign.max_lateness_hours,
        "permissions": list(topic.permissions),
        "is_marketing": topic.is_marketing,
        "cap_mails": topic.cap.mails if topic.cap else None,
        "cap_period": topic.cap.per if topic.cap else "day",
        **send_hours(campaign, topic),
    }


def send_hours(campaign: Campaign, topic: Topic) -> dict[str, Any]:
    """Return the campaign's window and the topic's quiet hours as the four local times the SQL takes."""
    window, quiet = campaign.send_window, topic.quiet_hours
    return {
        "window_opens": window.begins if window else MIDNIGHT,
        "window_closes": window.ends if window else MIDNIGHT,
        "quiet_begins": quiet.begins if quiet else MIDNIGHT,
        "quiet_ends": quiet.ends if quiet else MIDNIGHT,
    }
