"""One event as the provider posted it → its two rows for COPY, or a named reason to set it aside.

First stop inside the events stage, pure and hot: 100,000 events a step pass through `staged`. What an event
means for a message (`fact`) and for suppression (`scope`, `suppression`) is decided here, in one table and
two small functions; SQL folds it. The event itself goes into its table as it came, without a detour.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from lifecycle_mail.events.copying import NULL, moment, size_of, text, uuid
from lifecycle_mail.events.erased import ErasedAddresses, without_person

Event = dict[str, Any]

_SHARED_COLUMNS = ("sg_event_id", "occurred_at", "message_id")
FACT_COLUMNS = (*_SHARED_COLUMNS, "fact", "event", "address", "scope", "suppression", "reason")
EVENT_COLUMNS = (*_SHARED_COLUMNS, "event", "address", "raw")

EARLIEST_EPOCH = int(datetime(2009, 1, 1, tzinfo=UTC).timestamp())  # SendGrid was founded that year
LATEST_EPOCH = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
DAY_SECONDS = 86_400
LONGEST_EVENT_ID = 200  # documented: up to 100; a longer one is replaced by its hash
LONGEST_ADDRESS = 320
LONGEST_KIND = 100
LONGEST_TOPIC = 63
LONGEST_REASON = 1000
LONGEST_NUMBER = 16  # digits of a number that is written as text

_FACTS = {
    "processed": "processed",
    "delivered": "delivered",
    "deferred": "deferred",
    "dropped": "dropped",
    "click": "click",
    "spamreport": "complaint",
    "unsubscribe": "unsubscribe",
    "group_unsubscribe": "unsubscribe",
    "lm_unsubscribe": "unsubscribe",
    "group_resubscribe": "resubscribe",
}
_FAILURES = frozenset(("bounced_hard", "bounced_soft", "dropped"))
# Drops that say the address must not be mailed again; the others (spam content, quota…) are about the mail.
_LASTING_DROPS = frozenset(
    (
        "bounced address",
        "spam reporting address",
        "invalid",
        "invalid address",
        "invalid email address",
    )
)
# The provider says no more than this of a member of its global list, and of one of the group the mail was sent with.
_LEFT = "unsubscribed address"
_HASHED = (
    "email", "event", "timestamp", "sg_message_id", "url", "lm_message_id", "type", "reason", "attempt",
    "asm_group_id", "useragent", "ip",
)  # fmt: skip
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


@dataclass(frozen=True)
class Rules:
    """What an ingest knows beside the events: unsubscribe group → topic; the latest plausible second; whose address
    is not to be learned again (None = nobody was erased)."""

    topics: Mapping[int, str]
    latest_epoch: int = LATEST_EPOCH
    is_erased: ErasedAddresses | None = None


class Refused(Exception):
    """An event that cannot be taken: `reason` by name, `detail` without personal data."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Staged(NamedTuple):
    """One event ready for the database: its identity, its day since 1970 (UTC), two rows in COPY's binary format.

    `fact_row` has FACT_COLUMNS: what the event means. `event_row` has EVENT_COLUMNS: the event as it came.
    """

    identity: str
    day: int
    fact_row: bytes
    event_row: bytes


def staged(event: Event, raw: bytes, rules: Rules) -> Staged:
    """Return the event as it goes into the database; `raw` is its own JSON text.

    Raises:
        Refused: a field the ledger stands on is missing or of the wrong type.
    """
    kind = _kind(event)
    epoch = _epoch(event, rules)
    address = _address(event)
    whom = kept_whom = _kind_field(kind) + address
    if rules.is_erased is not None and (name := address[len(NULL) :]):
        # Only what is kept: what the event means, and which one it is, are still told by all of it.
        if rules.is_erased(name):
            whom = kept_whom = _kind_field(kind) + NULL
            raw = written(without_person(event))
        elif rules.is_erased.is_left_mail(name, event.get("lm_message_id")):
            # What it means for the mailbox is about who lives on there.
            kept_whom = _kind_field(kind) + NULL
            raw = written(without_person(event))
    identity = _identity(event)
    fact = _fact(event, kind)
    meaning = _PLAIN.get(fact) or _telling(event, kind, fact, rules, whom)
    if b"\\u0000" in raw:  # valid JSON, but no operator of the database can read such a text
        raw = plain_json(orjson.loads(raw))
    shared = text(identity) + moment(epoch) + _message_id(event)
    event_row = b"".join((shared, kept_whom, size_of(len(raw)), raw))
    return Staged(identity, epoch // DAY_SECONDS, shared + meaning, event_row)


_PLAIN = {"": NULL * 6} | {
    fact: text(fact) + NULL * 5 for fact in ("processed", "delivered", "deferred", "open", "machine_open", "click")
}


def _telling(event: Event, kind: str, fact: str, rules: Rules, whom: bytes) -> bytes:
    """The fields of what failed, or says whom to mail no more."""
    scope = suppression = reason = ""
    if fact in _FAILURES:
        reason = without_addresses(_reason(event))[:LONGEST_REASON]
        if fact == "bounced_hard":
            scope, suppression = "all", "hard_bounce"
        elif fact == "dropped":
            scope, suppression = _dropped(event, kind, reason.strip().lower(), rules)
    elif fact == "complaint":
        scope, suppression = "all", "complaint"
    elif fact == "unsubscribe":
        scope, suppression = _scope(event, kind, rules.topics), "unsubscribed"
    elif fact == "resubscribe":
        scope = _scope(event, kind, rules.topics)
    return text(fact) + whom + b"".join(map(_text_or_null, (scope, suppression, reason)))


def _dropped(event: Event, kind: str, reason: str, rules: Rules) -> tuple[str, str]:
    """How far and why a drop ends a permission: who left a topic left no other, and may come back to it."""
    if reason == _LEFT:
        return _scope(event, kind, rules.topics), "unsubscribed"
    return ("all", "dropped") if reason in _LASTING_DROPS else ("", "")


def _reason(event: Event) -> str:
    reason = event.get("reason")
    if type(reason) is str or not reason:
        return reason or ""
    return written(reason).decode()


def _text_or_null(value: str) -> bytes:
    return text(value) if value else NULL


_kind_field = lru_cache(maxsize=1_000)(text)


def without_addresses(answer: str) -> str:
    """Return the text with every e-mail address replaced by ``[address]``."""
    return _ADDRESS.sub("[address]", answer) if "@" in answer else answer


def plain_json(event: Event) -> bytes:
    """Return the event as JSON whose every text the database can hold: without NUL.

    Raises:
        Refused: the event is nested too deeply.
    """
    try:
        return written(_without_nul(event))
    except RecursionError:
        raise _too_deep() from None


def written(value: Any) -> bytes:
    """Return what was read from JSON as JSON again.

    Raises:
        Refused: it is nested deeper than is ever written.
    """
    try:
        return orjson.dumps(value)
    except TypeError:  # what it read itself it can write, but for this
        raise _too_deep() from None


def _too_deep() -> Refused:
    return Refused("nested_too_deeply", "lists and objects stand inside one another deeper than any event has them")


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value


def _kind(event: Event) -> str:
    kind = event.get("event")
    if type(kind) is not str or not kind.strip():
        raise Refused("event_missing", "field event is missing or no text")
    if len(kind) > LONGEST_KIND:
        raise Refused("event_too_long", f"field event has {len(kind)} characters")
    return kind


def _epoch(event: Event, rules: Rules) -> int:
    value = event.get("timestamp")
    if type(value) is int and EARLIEST_EPOCH <= value <= rules.latest_epoch:
        return value
    if type(value) is float and value == value and abs(value) < 1e18:
        value = int(value)
    # A tool in between may have turned numbers into text; the event is evidence all the same.
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < LONGEST_NUMBER:
        value = int(value)
    if type(value) is not int:
        raise Refused("timestamp_not_a_number", "field timestamp is missing or no number of seconds")
    if value < EARLIEST_EPOCH:
        raise Refused("timestamp_too_early", f"timestamp {value} lies before 2009")
    if value > rules.latest_epoch:
        raise Refused("timestamp_in_future", f"timestamp {value} lies in the future")
    return value


def _address(event: Event) -> bytes:
    email = event.get("email")
    if email is None:
        return NULL
    if type(email) is not str:
        raise Refused("email_not_text", "field email is no text")
    if len(email) > LONGEST_ADDRESS:
        raise Refused("email_too_long", f"field email has {len(email)} characters")
    return _text_or_null(email.strip().lower())


def _identity(event: Event) -> str:
    """The provider's id; where it gave none, a hash of what tells one event from another."""
    identity = event.get("sg_event_id")
    if type(identity) is str and 0 < len(identity) <= LONGEST_EVENT_ID and "\x00" not in identity:
        return identity
    told = [identity, *(event.get(name) for name in _HASHED)]
    return "hash:" + hashlib.blake2b(written(told), digest_size=16).hexdigest()


def _fact(event: Event, kind: str) -> str:
    """What the event means, or nothing."""
    if kind == "open":
        return "machine_open" if event.get("sg_machine_open") in (True, "true", 1) else "open"
    if kind == "bounce":
        # A block, and a deferral that expired, are soft; SendGrid tells a real bounce by type 'bounce'.
        return "bounced_hard" if event.get("type") in ("bounce", None) else "bounced_soft"
    return _FACTS.get(kind, "")


def _scope(event: Event, kind: str, topics: Mapping[int, str]) -> str:
    """'topic:<name>' where the event names a topic we know, else 'all': when in doubt, mail less."""
    if kind == "lm_unsubscribe":
        topic = event.get("lm_topic")
        named = type(topic) is str and 0 < len(topic) <= LONGEST_TOPIC and topic != "all"
        return f"topic:{topic}" if named else "all"
    if kind == "unsubscribe":
        return "all"
    group = event.get("asm_group_id")
    if type(group) is str and group.isdecimal() and len(group) < LONGEST_NUMBER:
        group = int(group)
    topic = topics.get(group) if type(group) is int else None
    return f"topic:{topic}" if topic else "all"


def _message_id(event: Event) -> bytes:
    value = event.get("lm_message_id")
    return (uuid(value) if type(value) is str else None) or NULL
