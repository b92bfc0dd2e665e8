"""Breakers: a campaign stops by itself if too many of its mails bounce, are refused or draw complaints.

The rules are pure; the numbers come from the ledger and the events. A tripped breaker is a pause that carries its
numbers. `campaign resume` begins a new judgement.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from lifecycle_mail.campaigns import Limits
from lifecycle_mail.database import run, scalar
from lifecycle_mail.delivery.pauses import campaign_scope


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of a campaign's recent mails, in mails."""

    accepted: int
    rejected: int
    complained: int
    bounced: int


def verdict(outcomes: Outcomes, limits: Limits) -> str | None:
    """Return the limit that is exceeded, with the numbers, or None. Complaints and bounces are shares of accepted
    mails,
    rejections are a share of all answered mails."""
    judged = (
        ("complaint", outcomes.complained, outcomes.accepted, limits.complaint_rate),
        ("bounce", outcomes.bounced, outcomes.accepted, limits.bounce_rate),
        ("rejection", outcomes.rejected, outcomes.accepted + outcomes.rejected, limits.rejection_rate),
    )
    for name, numerator, denominator, limit in judged:
        if denominator >= limits.minimum and numerator > limit * denominator:
            return f"{name} rate {numerator / denominator:.2%} ({numerator} of {denominator}) is above {limit:.2%}"
    return None


class BreakerWatch:
    """Judges a campaign before a batch, but only if one of its numbers may have changed."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, tuple[int, ...]]] = {}

    def trip(
        self, connection: Connection, campaign: str, limits: Limits, own: tuple[int, ...], now: dt.datetime
    ) -> str | None:
        """Return why `campaign` was stopped just now, or None. `own` are the numbers of this run that may matter."""
        news = (int(scalar(connection, "delivery/latest_batch")), own)
        if self._seen.get(campaign) == news:
            return None
        self._seen[campaign] = news
        return trip_if_passed(connection, campaign, limits, now)


def trip_if_passed(connection: Connection, campaign: str, limits: Limits, now: dt.datetime) -> str | None:
    """Pause `campaign` if it exceeds a limit; return the reason."""
    row = run(
        connection, "delivery/recent_outcomes", campaign=campaign, now=now, window_hours=limits.window_hours
    ).one()
    passed = verdict(Outcomes(row.accepted, row.rejected, row.complained, row.bounced), limits)
    if passed:
        run(
            connection,
            "delivery/pause",
            scope=campaign_scope(campaign),
            reason="breaker",
            detail=passed,
            now=now,
        )
    return passed
