"""Places in recipients' days and weeks.

A marketing mail takes one before it goes, and gives it back if it did not go.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.engine import Connection

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import bigints, run, texts
from lifecycle_mail.decisions import send_hours
from lifecycle_mail.delivery.picking import PickedMail
from lifecycle_mail.delivery.work import ShellWork
from lifecycle_mail.messages.states import MessageKey, postpone


def reserve(
    connection: Connection, topic: Topic, topics: dict[str, Topic], rows: list[PickedMail]
) -> tuple[list[PickedMail], list[PickedMail]]:
    """Take places in the recipients' periods; return the mails that have one, and those whose period is full."""
    if not topic.is_marketing or not rows:
        return rows, []
    left, full = rows, []
    for period in _periods(topics):
        cap = topic.cap.mails if topic.cap and topic.cap.per == period else None
        outcome = _reserve_period(connection, period, cap, left)
        if outcome:
            full += [row for row in left if outcome.get(row.key) == "capped"]
            left = [row for row in left if row.key not in outcome]
            release(connection, list(outcome))
    return left, full


def _periods(topics: dict[str, Topic]) -> list[str]:
    """Return the periods that any topic caps by; each counts every marketing mail. They are always in the same order.
    Otherwise two workers that reserve places for the same person could wait for each other."""
    return sorted({other.cap.per for other in topics.values() if other.cap})


def _reserve_period(
    connection: Connection, period: str, cap: int | None, rows: list[PickedMail]
) -> dict[MessageKey, str]:
    """Return the mails that got no place, and why: 'capped' or 'raced'."""
    if not rows:
        return {}
    found = run(
        connection,
        "delivery/reserve",
        addresses=texts(row.address for row in rows),
        days=texts(row.local_day for row in rows),
        enrollment_ids=bigints(row.enrollment_id for row in rows),
        step=rows[0].step,
        period=period,
        cap=cap,
    )
    return {MessageKey(row.enrollment_id, row.step): row.outcome for row in found}


def release(connection: Connection, keys: Sequence[MessageKey]) -> None:
    """Give back the places of mails that certainly did not go."""
    if keys:
        run(connection, "delivery/probe_plans")
        run(
            connection,
            "delivery/release",
            enrollment_ids=[key.enrollment_id for key in keys],
            steps=[key.step for key in keys],
        )


def erase_places(connection: Connection, address: str) -> int:
    """Forget the places of an erased person, given the address in lower case; return how many there were."""
    return run(connection, "delivery/erase_places", address=address).rowcount


def forget_places(connection: Connection, now: dt.datetime) -> int:
    """Forget the places of days and weeks more than four weeks past; return how many there were."""
    return run(connection, "delivery/forget_places", now=now).rowcount


def move_to_next_period(
    connection: Connection, work: ShellWork, full: list[PickedMail]
) -> tuple[int, list[tuple[MessageKey, str]]]:
    """Move mails whose period is full to the next period, unless they are stale by then."""
    if not full or work.topic.cap is None:
        return 0, []
    found = run(
        connection,
        "delivery/next_period",
        enrollment_ids=[row.enrollment_id for row in full],
        steps=[row.step for row in full],
        zones=[row.zone for row in full],
        days=[row.local_day for row in full],
        period=work.topic.cap.per,
        **send_hours(work.campaign, work.topic),
    )
    later, stale = [], []
    for row in found:
        key = MessageKey(row.enrollment_id, row.step)
        if row.is_stale:
            stale.append((key, "capped"))
        else:
            later.append((key, row.opens_at, row.opens_day, "capped"))
    return postpone(connection, later), stale
