"""Decide due steps. The rules themselves are the ordered `case` of include/sql/decisions/decide.sql.

The order: the series has ended (converted, superseded, unsubscribed …), erased or unknown customer, no
permission, suppressed, held out, stale, over the cap (`lower_priority` where a mail that wins is planned,
else `capped`), outside the recipient's hours (`quiet_hours`), and otherwise `eligible`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.campaigns import Campaign, Topic
from lifecycle_mail.database import lock, refresh_statistics, run

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
    """
    with engine.begin() as connection:
        lock(connection, f"campaign:{campaign.campaign}")
        connection.execute(sa.text("select installation.ensure_month('decision.decision', :now)"), {"now": now})
        rows = run(
            connection,
            "decisions/decide",
            campaign=campaign.campaign,
            topic=topic.topic,
            as_of=as_of,
            now=now,
            max_lateness_hours=campaign.max_lateness_hours,
            permissions=list(topic.permissions),
            is_marketing=topic.is_marketing,
            cap_mails=topic.cap.mails if topic.cap else None,
            cap_period=topic.cap.per if topic.cap else "day",
            **send_hours(campaign, topic),
        ).all()
        refresh_statistics(connection, "decision.decision", sum(row.steps for row in rows))
    return DecideCounts({(row.outcome, row.reason): row.steps for row in rows})


def send_hours(campaign: Campaign, topic: Topic) -> dict[str, Any]:
    """Return the campaign's window and the topic's quiet hours as the four local times the SQL takes."""
    window, quiet = campaign.send_window, topic.quiet_hours
    return {
        "window_opens": window.begins if window else MIDNIGHT,
        "window_closes": window.ends if window else MIDNIGHT,
        "quiet_begins": quiet.begins if quiet else MIDNIGHT,
        "quiet_ends": quiet.ends if quiet else MIDNIGHT,
    }
