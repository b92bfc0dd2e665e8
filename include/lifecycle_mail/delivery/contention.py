"""Who has a recipient's day: a mail yields to planned mails of higher campaigns that can still go in it.

The claim of a mail asks, for the rivals of its mailbox alone, what their own claim would: permission, suppression,
exits, hours, and whether their campaign is stopped. A mail that yields looks again in a few minutes, so that it goes
after all if the higher one ends without going.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import run, scalar, texts
from lifecycle_mail.delivery.picking import WAITING, Batch, PickedMail, look_at
from lifecycle_mail.delivery.places import look_again
from lifecycle_mail.delivery.work import ClaimSetup, ShellWork, stopped, work_to_preview
from lifecycle_mail.errors import CampaignError, TemplateError
from lifecycle_mail.messages.states import MessageKey, postpone


@dataclass(frozen=True)
class Place:
    """A mail in a mailbox: when it went or would go, and the zones the mailbox has then, with a blank between."""

    at: dt.datetime
    zones: str


@dataclass(frozen=True)
class Rival:
    """A planned mail of a higher campaign that may go: when at the earliest, and what its topic permits."""

    key: MessageKey
    priority: int
    at: dt.datetime
    topic: Topic


def yield_to_higher(
    connection: Connection, setup: ClaimSetup, batch: Batch, rows: list[PickedMail]
) -> tuple[list[PickedMail], int]:
    """Return the mails that may go now, and how many wait because a higher one has their day."""
    if not batch.work.topic.is_marketing or not rows:
        return rows, 0
    rivals = _rivals(connection, setup, batch, rows)
    if not rivals:
        return rows, 0
    held = _held(connection, rows, rivals, batch.now)
    waits = {}
    for row in rows:
        awaited = awaits(row.zones, batch.work.topic, rivals.get(row.key, ()), held[row.address], batch.now)
        if awaited is not None:
            waits[row.key] = look_again(row, batch.work, batch.now, awaited, "lower_priority")
    return [row for row in rows if row.key not in waits], postpone(connection, list(waits.values()))


def awaits(
    zones: str, topic: Topic, rivals: Iterable[Rival], held: Sequence[Place], now: dt.datetime
) -> dt.datetime | None:
    """Return the moment of the first rival that a mail to `zones` yields to at `now`; None = it may go.

    Rivals have places in the order of their priorities, as long as their own caps permit. The mail yields if its cap
    leaves no place next to theirs, or if it would take the place of one of them.
    """
    before: list[tuple[Rival, Place]] = []
    for rival in sorted(rivals, key=lambda one: (-one.priority, one.at)):
        place = Place(rival.at, zones)
        if _has_room(place, rival.topic, [*held, *(other for _, other in before)]):
            before.append((rival, place))
    own = Place(now, zones)
    harmed = [
        rival.at
        for number, (rival, place) in enumerate(before)
        if not _has_room(place, rival.topic, [*held, *(other for _, other in before[:number]), own])
    ]
    if harmed or _has_room(own, topic, [*held, *(place for _, place in before)]):
        return min(harmed, default=None)
    # Without them there may be no room either: then the cap says so.
    return min(place.at for _, place in before) if _has_room(own, topic, held) else None


def _has_room(place: Place, topic: Topic, others: Sequence[Place]) -> bool:
    """Tell whether the cap of `topic` permits a mail at `place` next to the others, in the day or week of each zone."""
    if topic.cap is None:
        return True
    per = topic.cap.per
    zones = set(place.zones.split())
    for other in others:
        zones |= {zone for zone in other.zones.split() if _period(other.at, zone, per) == _period(place.at, zone, per)}
    return all(
        sum(_period(other.at, zone, per) == _period(place.at, zone, per) for other in others) < topic.cap.mails
        for zone in zones
    )


def _period(at: dt.datetime, zone: str, per: str) -> dt.date:
    day = at.astimezone(ZoneInfo(zone)).date()
    return day - dt.timedelta(days=day.weekday()) if per == "week" else day


def _rivals(
    connection: Connection, setup: ClaimSetup, batch: Batch, rows: list[PickedMail]
) -> dict[MessageKey, list[Rival]]:
    """Return the rivals of each mail that has any, judged as of now."""
    campaigns = scalar(connection, "delivery/higher_campaigns", priority=batch.work.priority)
    if not campaigns:
        return {}
    asked = [(place, one) for place, row in enumerate(rows) for one in (row.customer_id, *(row.mates or ()))]
    found = run(
        connection,
        "delivery/rivals",
        places=[place for place, _ in asked],
        customer_ids=texts(customer_id for _, customer_id in asked),
        campaigns=campaigns,
        now=batch.now,
    ).all()
    able = _able(connection, setup, {MessageKey(one.enrollment_id, one.step): one.shell_id for one in found}, batch.now)
    rivals: dict[MessageKey, list[Rival]] = defaultdict(list)
    for one in found:
        key = MessageKey(one.enrollment_id, one.step)
        if key in able:
            at, topic = able[key]
            rivals[rows[one.place].key].append(Rival(key, one.priority, at, topic))
    return rivals


def _able(
    connection: Connection, setup: ClaimSetup, shells: dict[MessageKey, int], now: dt.datetime
) -> dict[MessageKey, tuple[dt.datetime, Topic]]:
    """Return the mails that may go as things are now, each with when at the earliest and with its topic."""
    keys: dict[int, list[MessageKey]] = defaultdict(list)
    for key, shell_id in shells.items():
        keys[shell_id].append(key)
    able = {}
    for work in _works(connection, setup, list(keys)):
        for row in look_at(connection, work, keys[work.shell_id], now):
            at = max(row.not_before, row.opens_at or now)
            if row.verdict in (None, *WAITING) and at <= row.expires_at:
                able[row.key] = (at, work.topic)
    return able


def _works(connection: Connection, setup: ClaimSetup, shell_ids: Sequence[int]) -> list[ShellWork]:
    """Return the shells whose campaigns may send: in order, approved if that is asked for, and not paused."""
    works = []
    for row in run(connection, "delivery/rival_shells", shell_ids=list(shell_ids)) if shell_ids else ():
        try:
            work = work_to_preview(connection, setup, row)
        except (TemplateError, CampaignError):
            continue
        if stopped(connection, setup, work) is None:
            works.append(work)
    return works


def _held(
    connection: Connection, rows: list[PickedMail], rivals: dict[MessageKey, list[Rival]], now: dt.datetime
) -> dict[str, list[Place]]:
    """Return the places that mails have in the mailboxes with rivals."""
    addresses = [row.address for row in rows if row.key in rivals]
    mails: dict[tuple[str, MessageKey], Place] = {}
    for one in run(connection, "delivery/held_places", addresses=texts(addresses), now=now):
        mails[one.address, MessageKey(one.enrollment_id, one.step)] = Place(one.taken_at, one.zones)
    held: dict[str, list[Place]] = defaultdict(list)
    for (address, _), place in mails.items():
        held[address].append(place)
    return held
