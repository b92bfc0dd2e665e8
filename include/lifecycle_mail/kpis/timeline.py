"""One customer's timeline over all stages, and that of a mailbox, which `why` prints."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Row

from lifecycle_mail.database import SQL_FOLDER, run
from lifecycle_mail.mailboxes import mailbox, shown

HAPPENINGS = "kpis/happenings"


@dataclass(frozen=True)
class Happening:
    """One thing: when it happened (UTC), in which campaign and step, what, and why (addresses as people write them)."""

    happened_at: dt.datetime
    campaign: str | None
    step: str | None
    what: str
    why: str | None


def timeline(connection: Connection, customer_id: str, campaign: str | None = None) -> list[Happening]:
    """Return everything that happened between us and one customer, in order of time; empty if nothing is known.

    If nothing happened, it is what is known of the customer: the sign-up, or which feeds name the id.

    With `campaign`: only what happened in that campaign, and what belongs to no campaign.
    """
    rows = [
        row
        for file in sorted((SQL_FOLDER / HAPPENINGS).glob("*.sql"))
        for row in run(connection, f"{HAPPENINGS}/{file.stem}", customer_id=customer_id)
        if row.happened_at is not None and (campaign is None or row.campaign in (None, campaign))
    ]
    return _in_order(rows or run(connection, "kpis/known_customer", customer_id=customer_id).all())


def refused_files(connection: Connection) -> list[str]:
    """Say which files of the customers feed were refused as a whole, the newest first: no one knows whom they name."""
    found = run(connection, "kpis/refused_files")
    return [f"{row.file} was refused as a whole ({row.reason}: {row.detail})" for row in found]


def mailbox_timeline(connection: Connection, address: str) -> list[Happening]:
    """Return every word about mail at one mailbox, and who holds and held it, in order of time; empty if unknown.

    `address` is in any case; its domain may be in its own script.
    """
    written = address.strip().lower()  # as a refused row may write the domain
    return _in_order(run(connection, "kpis/said_at_mailbox", address=mailbox(address), written=written).all())


def _in_order(rows: Sequence[Row[Any]]) -> list[Happening]:
    return [
        Happening(row.happened_at, row.campaign, row.step, row.what, None if row.why is None else shown(row.why))
        for row in sorted(rows, key=_order)
    ]


def _order(row: Row[Any]) -> tuple[object, ...]:
    """Sort by second. Events carry no fractions, so within a second sort by what must come first."""
    second = row.happened_at.replace(microsecond=0)
    return second, row.place, row.campaign or "", row.step or "", row.what
