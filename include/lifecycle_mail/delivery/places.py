"""Places in recipients' days and weeks.

A marketing mail takes one before it goes, and gives it back if it did not go.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import bigints, run, texts
from lifecycle_mail.decisions import send_hours
from lifecycle_mail.delivery.picking import PickedMail
from lifecycle_mail.delivery.work import ShellWork
from lifecycle_mail.messages.states import MessageKey, postpone

DAY = dt.timedelta(days=1)
LOOK_AGAIN, LOOK_AGAIN_SELDOM = dt.timedelta(minutes=5), dt.timedelta(hours=1)  # if what is awaited is a day away
SHORTEST_LOOK = dt.timedelta(seconds=15)  # a delivery goes on until nothing is left, so it must not look all the time


Full = tuple[PickedMail, dt.datetime]  # a mail, and from when on its mailbox has room for it


def reserve(
    connection: Connection, topic: Topic, topics: dict[str, Topic], rows: list[PickedMail], now: dt.datetime
) -> tuple[list[PickedMail], list[Full]]:
    """Take places in the recipients' periods; returns the mails that have one, and those whose period is full."""
    if not topic.is_marketing or not rows:
        return rows, []
    left: list[PickedMail] = rows
    full: list[Full] = []
    for period in _periods(topics):
        cap = topic.cap.mails if topic.cap and topic.cap.per == period else None
        outcome = _reserve_period(connection, period, cap, left, now)
        if outcome:
            full += [(row, room_at) for row in left if (room_at := outcome.get(row.key)) is not None]
            left = [row for row in left if row.key not in outcome]
            release(connection, list(outcome))
    return left, full


def _periods(topics: dict[str, Topic]) -> list[str]:
    """Return the periods that any topic caps by; each counts every marketing mail. They are always in the same order.
    Otherwise two workers that reserve places for the same person could wait for each other."""
    return sorted({other.cap.per for other in topics.values() if other.cap})


def _reserve_period(
    connection: Connection, period: str, cap: int | None, rows: list[PickedMail], now: dt.datetime
) -> dict[MessageKey, dt.datetime | None]:
    """Return the mails that got no place, and from when on there is room; None = another claim was faster."""
    if not rows:
        return {}
    found = run(
        connection,
        "delivery/reserve",
        addresses=texts(row.address for row in rows),
        zones=texts(row.zones for row in rows),
        enrollment_ids=bigints(row.enrollment_id for row in rows),
        step=rows[0].step,
        now=now,
        period=period,
        cap=cap,
    )
    return {MessageKey(row.enrollment_id, row.step): row.room_at for row in found}


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
    connection: Connection, work: ShellWork, full: list[Full], now: dt.datetime
) -> tuple[int, list[tuple[MessageKey, str]]]:
    """Keep mails whose period is full for the next one, if they are not stale by then.

    If a mail that is under way has the place, a mail that would be stale looks again soon: that one may come back.
    """
    if not full:
        return 0, []
    found = run(
        connection,
        "delivery/next_period",
        enrollment_ids=[row.enrollment_id for row, _ in full],
        steps=[row.step for row, _ in full],
        addresses=[row.address for row, _ in full],
        zones=[row.own_zones for row, _ in full],
        moments=[room_at for _, room_at in full],
        **send_hours(work.campaign, work.topic),
    )
    asked = {row.key: row for row, _ in full}
    later, stale = [], []
    for row in found:
        mail = asked[MessageKey(row.enrollment_id, row.step)]
        reason = "lower_priority" if mail.waits_for == "lower_priority" else "capped"
        if not row.is_stale:
            later.append((mail.key, row.opens_at, row.opens_day, reason))
        elif row.is_held_by_claim:
            later.append(look_again(mail, work, now, now, reason))
        else:
            stale.append((mail.key, reason))
    return postpone(connection, later), stale


def until_carts_are_taken_over(
    rows: Sequence[PickedMail], work: ShellWork, now: dt.datetime
) -> list[tuple[MessageKey, dt.datetime, dt.date, str]]:
    """Return what keeps the mails whose series does not have what is in the cart now."""
    return [look_again(row, work, now, now, "cart_changed") for row in rows if row.verdict == "cart_changed"]


def look_again(
    mail: PickedMail, work: ShellWork, now: dt.datetime, awaited: dt.datetime, reason: str
) -> tuple[MessageKey, dt.datetime, dt.date, str]:
    """Return what keeps a mail until what it waits for may have changed: at `awaited`, if that lies ahead, in a few
    minutes at the latest, and once more as it expires.

    If less time is left to it today, it looks again after half of that, so that no delivery in its hours misses it.
    """
    wait = LOOK_AGAIN if awaited - now < DAY else LOOK_AGAIN_SELDOM
    left = min(mail.expires_at, _hours_end(mail.own_zones, work, now)) - now
    ahead = [at for at in (awaited, mail.expires_at) if at > now]
    at = min([now + min(wait, max(left / 2, SHORTEST_LOOK)), *ahead])
    return mail.key, at, at.astimezone(ZoneInfo(mail.zone)).date(), reason


def _hours_end(zones: str, work: ShellWork, now: dt.datetime) -> dt.datetime:
    """Return when the hours or the day of a recipient of these zones may end next: no later than they do."""
    hours = send_hours(work.campaign, work.topic)
    ends = {hours["window_closes"], hours["quiet_begins"], dt.time(0)}
    return min(_next(end, ZoneInfo(zone), now) for zone in zones.split() for end in ends)


def _next(local: dt.time, zone: ZoneInfo, now: dt.datetime) -> dt.datetime:
    """Return the next moment later than `now` at which clocks in `zone` show `local`."""
    today = now.astimezone(zone).date()
    moments = (dt.datetime.combine(today + days * DAY, local, zone).astimezone(dt.UTC) for days in range(3))
    return next(moment for moment in moments if moment > now)
