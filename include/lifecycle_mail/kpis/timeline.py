"""One customer's timeline over all stages: the ledger behind `why`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from lifecycle_mail.database import run


@dataclass(frozen=True)
class Happening:
    """One thing that happened: when (UTC), in which campaign and step, what, and why."""

    happened_at: dt.datetime
    campaign: str | None
    step: str | None
    what: str
    why: str | None


def timeline(connection: Connection, customer_id: str, campaign: str | None = None) -> list[Happening]:
    """Return everything between us and one customer in order of time; empty where nothing is known."""
    rows = run(connection, "kpis/timeline", customer_id=customer_id, campaign=campaign)
    return [Happening(row.happened_at, row.campaign, row.step, row.what, row.why) for row in rows]
