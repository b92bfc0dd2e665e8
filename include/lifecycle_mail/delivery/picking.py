"""Pick a batch: lock planned mails of one shell, judge each as of now, and separate those that may go from the rest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection, Row

from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.database import bigints, run, run_with
from lifecycle_mail.decisions import send_hours
from lifecycle_mail.delivery.work import ShellWork
from lifecycle_mail.journeys import goal_facts, judged_part
from lifecycle_mail.leases import lease_seconds
from lifecycle_mail.messages.states import MessageKey
from lifecycle_mail.sendgrid.requests import MAX_RECIPIENTS
from lifecycle_mail.settings import Settings


@dataclass(frozen=True)
class Batch:
    """What one claim asks for: at `now`, up to `limit` mails of a shell, or the one mail `only`.

    A claim looks at up to `limit` mails. Of those that may go, at most `most` do, and the rest stay planned. `taken_at`
    is the beginning of the claim, in seconds of `lease_seconds`.
    """

    work: ShellWork
    now: dt.datetime
    limit: int = MAX_RECIPIENTS
    only: MessageKey | None = None
    most: int = MAX_RECIPIENTS
    taken_at: float = field(default_factory=lease_seconds)


LOCKED, NAMED = "delivery/lock_planned", "delivery/name_planned"
WAITING = ("postpone", "cart_changed")  # verdicts of mails that may go later
YIELDED = ("lower_priority", "cart_changed")  # what a mail that looks again waits for


def pick_files(campaign: Campaign, which: str = LOCKED) -> dict[str, tuple[str, ...]]:
    """Return the files that delivery/pick is put together from; `which` mails: LOCKED or NAMED."""
    return {"known_mails": ("delivery/known_mails",), "planned_mails": (which,), "exit_words": campaign.exit_files}


class PickedMail(NamedTuple):
    """One mail under a claim, as delivery/pick.sql judges it: its columns, in their order (`pick` checks that).

    `own_zones` are the recipient's, `zones` those of everyone who has the mailbox: names with a blank between them.
    `mates` are the others who have it. `opt_in` is 'open' if the mail goes to a person who said no and signed up again.
    A plain tuple, because each access by name to SQLAlchemy's Row costs as much as twenty of these. The context stays
    JSON until its mail is rendered: as objects, a thousand of them take four times the memory.
    """

    enrollment_id: int
    step: str
    message_id: str
    context: str
    email: str
    address: str
    first_name: str | None
    last_name: str | None
    country: str | None
    zone: str
    own_zones: str
    zones: str
    customer_id: str
    mates: list[str] | None
    not_before: dt.datetime
    expires_at: dt.datetime
    waits_for: str | None
    joined: int
    opens_at: dt.datetime | None
    opens_day: dt.date | None
    opt_in: str | None
    verdict: str | None

    @property
    def key(self) -> MessageKey:
        """The never-twice key."""
        return MessageKey(self.enrollment_id, self.step)


def pick(connection: Connection, batch: Batch) -> list[PickedMail]:
    """Lock those mails of a batch that no other worker holds, and judge each, in one read-committed transaction."""
    run(connection, "delivery/probe_plans")
    return _judged(
        connection,
        batch.work,
        batch.now,
        LOCKED,
        shell_id=batch.work.shell_id,
        batch=batch.limit,
        only_enrollment_id=batch.only.enrollment_id if batch.only else None,
    )


def look_at(connection: Connection, work: ShellWork, keys: Sequence[MessageKey], now: dt.datetime) -> list[PickedMail]:
    """Judge planned mails of a shell as their claim would, due or not; nothing is locked."""
    return _judged(
        connection,
        work,
        now,
        NAMED,
        enrollment_ids=[key.enrollment_id for key in keys],
        steps=[key.step for key in keys],
    )


def _judged(
    connection: Connection, work: ShellWork, now: dt.datetime, which: str, **asked: Any
) -> list[PickedMail]:
    rows = run_with(
        connection,
        "delivery/pick",
        pick_files(work.campaign, which),
        now=now,
        topic=work.topic.topic,
        is_marketing=work.topic.is_marketing,
        permissions=list(work.topic.permissions),
        campaign_topic=work.campaign.topic,
        takes_over=work.campaign.supersedes,
        **send_hours(work.campaign, work.topic),
        **asked,
    )
    assert tuple(rows.keys()) == PickedMail._fields, "delivery/pick.sql has other columns than PickedMail"
    return _with_parts(connection, work, now, list(map(PickedMail._make, rows)))


# Verdicts that an exit comes before, in the order of decision.refusal.
_AFTER_EXITS = (None, *WAITING, "no_permission", "suppressed")


def _with_parts(
    connection: Connection, work: ShellWork, now: dt.datetime, rows: list[PickedMail]
) -> list[PickedMail]:
    """Give mails about several occurrences the context of those that go on, or the reason why none does.

    A statement of its own, which sees what was committed until the mails were locked. If an occurrence joined just
    before that, its mail is left to the next batch: it was judged without it.
    """
    shared = [row.enrollment_id for row in rows if row.joined or work.campaign.joins]
    if not shared:
        return rows
    found = run_with(
        connection,
        "delivery/judge_parts",
        judged_part(work.campaign),
        enrollment_ids=bigints(shared),
        topic=work.campaign.topic,
        by_moment=now,
    )
    parts = {part.enrollment_id: part for part in found}
    known = [row for row in rows if row.joined or row.enrollment_id not in parts]
    return [_of_parts(row, parts[row.enrollment_id]) if row.enrollment_id in parts else row for row in known]


def _of_parts(row: PickedMail, part: Row[Any]) -> PickedMail:
    if part.context is not None:
        return row._replace(context=part.context)
    return row._replace(verdict=part.reason) if row.verdict in _AFTER_EXITS else row


def parted(
    rows: Sequence[PickedMail], work: ShellWork, settings: Settings
) -> tuple[list[PickedMail], list[tuple[MessageKey, str]]]:
    """Separate the mails that may go from those that end here; a second mail to one address waits for another batch."""
    goals = goal_facts(work.campaign.goal.event)
    go: list[PickedMail] = []
    ended: list[tuple[MessageKey, str]] = []
    addresses: set[str] = set()
    for row in rows:
        if row.verdict is not None:
            if row.verdict not in WAITING:
                ended.append((row.key, "converted" if row.verdict in goals else _named(row)))
        elif not _is_allowed(row.address, settings.allowed_recipients):
            ended.append((row.key, "recipient_not_allowed"))
        elif row.address not in addresses:
            addresses.add(row.address)
            go.append(row)
    return go, ended


def closed(rows: Sequence[PickedMail]) -> list[tuple[MessageKey, dt.datetime, dt.date, str]]:
    """Return, for each mail outside its hours, the moment at which they open, its local day and the reason."""
    return [
        (row.key, row.opens_at, row.opens_day, "quiet_hours")
        for row in rows
        if row.verdict == "postpone" and row.opens_at and row.opens_day
    ]


def _named(row: PickedMail) -> str:
    """Return the verdict; if the mail expired while it looked again and again, what it waited for is why it ends."""
    yielded = row.verdict == "stale" and row.waits_for in YIELDED
    return str(row.waits_for if yielded else row.verdict)


def _is_allowed(address: str, allowed: tuple[str, ...]) -> bool:
    return not allowed or any(
        address.endswith(entry) if entry.startswith("@") else address == entry for entry in allowed
    )
