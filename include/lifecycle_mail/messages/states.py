"""Every change of `message.message.state`: planned → claimed → accepted | rejected | in_doubt, and back.

    planned   → claimed      a worker takes it, and commits before its request
    claimed   → accepted     the provider took it
    claimed   → rejected     the provider refused this recipient
    claimed   → planned      the provider certainly did not take it
    claimed   → in_doubt     the outcome is unknown: timeout, reset, 5xx, a dead worker
    in_doubt  → accepted     an event with its id arrived, or the late answer of its own request; the same for a mail
                             that was planned again, cancelled or rejected after that request
    in_doubt  → abandoned | planned   by the topic's policy
    planned   → cancelled    the claim found an exit, a suppression or staleness; or the mail expired without an
                             approval, or its approval was revoked; or its campaign was retired

Delivery and events call these. Three other modules write the column: `writing` plans a mail and so writes its first
state, `settling` settles all messages of an ingest step by their events, and `doubt` ends doubt without evidence by the
topic's policy.
"""

from __future__ import annotations

import datetime as dt
import itertools
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import orjson
from sqlalchemy.engine import Connection, Row

from lifecycle_mail.database import bigints, run, texts

# A late answer is knowledge: it may still settle a mail that went in doubt when its lease ended.
UNSETTLED = ("claimed", "in_doubt")
ACCEPTABLE = ("claimed", "in_doubt", "abandoned")  # the states of the index by attempt; others would scan all mails


class MessageKey(NamedTuple):
    """The never-twice key of a mail."""

    enrollment_id: int
    step: str

    def text(self) -> str:
        """Return the key as '<enrollment_id>/<step>'."""
        return f"{self.enrollment_id}/{self.step}"

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the key that `text` writes."""
        enrollment_id, _, step = text.partition("/")
        return cls(int(enrollment_id), step)


class ClaimedMail(NamedTuple):
    """One mail rendered for its recipient: everything in it that is the recipient's own.

    `subject`: None = the shell's. `slots`: JSON of token → text; `packed`: the same in the form of message.message.
    """

    key: MessageKey
    message_id: str
    email: str
    unsubscribe_url: str
    subject: str | None
    slots: bytes
    packed: bytes

    def substitutions(self) -> dict[str, str]:
        """Return the slots, token → text."""
        return dict(orjson.loads(self.slots))


def take_claim(
    connection: Connection,
    attempt_id: int,
    mails: Sequence[ClaimedMail],
    now: dt.datetime,
    lease_until: dt.datetime,
) -> int:
    """planned → claimed for the mails of one attempt, all of one step; returns how many moved."""
    sizes = [len(mail.packed) for mail in mails]
    return run(
        connection,
        "messages/take_claim",
        enrollment_ids=bigints(mail.key.enrollment_id for mail in mails),
        subjects=texts(mail.subject for mail in mails) if any(mail.subject for mail in mails) else None,
        slots=b2a_base64(b"".join([mail.packed for mail in mails]), newline=False).decode(),
        starts=bigints(itertools.accumulate(sizes[:-1], initial=1)),
        sizes=bigints(sizes),
        step=mails[0].key.step,
        attempt_id=attempt_id,
        now=now,
        lease_until=lease_until,
    ).rowcount


@dataclass(frozen=True)
class Settlement:
    """The next state of the mails of one attempt that are not settled yet: of all of them, or `only` of some."""

    attempt_id: int
    state: str
    reason: str | None
    at: dt.datetime
    only: Sequence[MessageKey] | None = None


def settle(connection: Connection, settlement: Settlement) -> int:
    """Move the mails of one attempt to another state; returns how many moved."""
    return int(_settled(connection, settlement, keys_wanted=False).mails)


def accept_replanned(
    connection: Connection, attempt_id: int, keys: Sequence[MessageKey], at: dt.datetime
) -> int:
    """planned → accepted for those of an attempt's mails that their policy has planned again since."""
    return run(
        connection,
        "messages/accept_replanned",
        attempt_id=attempt_id,
        enrollment_ids=[key.enrollment_id for key in keys],
        steps=[key.step for key in keys],
        at=at,
    ).rowcount


def give_back(
    connection: Connection, attempt_id: int, *, reason: str, at: dt.datetime
) -> list[MessageKey]:
    """claimed → planned for the mails of one attempt that are not settled; returns those that moved."""
    moved = _settled(connection, Settlement(attempt_id, "planned", reason, at), keys_wanted=True)
    return [MessageKey.of(text) for text in moved.keys or []]


def _settled(connection: Connection, settlement: Settlement, *, keys_wanted: bool) -> Row[Any]:
    only = settlement.only
    return run(
        connection,
        "messages/settle",
        attempt_id=settlement.attempt_id,
        state=settlement.state,
        reason=settlement.reason,
        at=settlement.at,
        from_states=list(ACCEPTABLE if settlement.state == "accepted" else UNSETTLED),
        only_steps=None if only is None else [key.text() for key in only],
        keys_wanted=keys_wanted,
    ).one()


def cancel(
    connection: Connection, ended: Sequence[tuple[MessageKey, str]], now: dt.datetime, state: str = "cancelled"
) -> int:
    """planned → cancelled (or rejected) for pairs of key and reason."""
    if not ended:
        return 0
    return run(
        connection,
        "messages/cancel",
        enrollment_ids=[key.enrollment_id for key, _ in ended],
        steps=[key.step for key, _ in ended],
        reasons=[reason for _, reason in ended],
        state=state,
        now=now,
    ).rowcount


def end_without_topic(
    connection: Connection, topics: Sequence[str], reason: str, now: dt.datetime, *, is_at_once: bool
) -> int:
    """planned → cancelled for mails whose topic is gone or has ended: all of them, or those past their time."""
    if not topics:
        return 0
    given = {"topics": list(topics), "reason": reason, "is_at_once": is_at_once, "now": now}
    return run(connection, "messages/end_without_topic", **given).rowcount


def rename_topics(connection: Connection, former: Sequence[str], present: Sequence[str]) -> None:
    """Give planned mails the present names of their topics (`former` and `present` are parallel lists)."""
    run(connection, "messages/rename_topics", former=list(former), present=list(present))


def end_unapproved(connection: Connection, shell_ids: Sequence[int], now: dt.datetime) -> int:
    """planned → cancelled for mails that expired while they waited for an approval, because no claim looks at them."""
    if not shell_ids:
        return 0
    return run(connection, "messages/end_unapproved", shell_ids=list(shell_ids), now=now).rowcount


def end_revoked(connection: Connection, definition_md5: str, now: dt.datetime) -> int:
    """planned → cancelled for mails that carry a definition whose approval was revoked."""
    return run(connection, "messages/end_revoked", definition_md5=definition_md5, now=now).rowcount


def postpone(
    connection: Connection, later: Sequence[tuple[MessageKey, dt.datetime, dt.date, str]]
) -> int:
    """Move planned mails to a later moment: key, moment, its local day, reason."""
    if not later:
        return 0
    return run(
        connection,
        "messages/postpone",
        enrollment_ids=[key.enrollment_id for key, _, _, _ in later],
        steps=[key.step for key, _, _, _ in later],
        moments=[moment for _, moment, _, _ in later],
        days=[day for _, _, day, _ in later],
        reasons=[reason for _, _, _, reason in later],
    ).rowcount


def expire_claims(connection: Connection, now: dt.datetime) -> int:
    """claimed → in_doubt for claims whose lease is over."""
    return run(connection, "messages/expire_claims", now=now).rowcount


def slots_of(connection: Connection, customer_id: str) -> list[str]:
    """Return the personal parts of a customer's mails, packed, as hexadecimal digits."""
    return list(run(connection, "messages/slots_of", customer_id=customer_id).scalars())


def erase_slots(connection: Connection, customer_id: str) -> int:
    """Delete the personal parts of a customer's mails, and what these recommended; their states stay."""
    run(connection, "messages/erase_recommendations", customer_id=customer_id)
    return run(connection, "messages/erase_slots", customer_id=customer_id).rowcount


def rename_campaign(connection: Connection, former: str, present: str) -> None:
    """Give a campaign's mails, shells and definitions its present name."""
    run(connection, "messages/rename_campaign", former=former, present=present)
