"""One event as the provider posted it → its two lines for COPY, or a named reason to set it aside.

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

Event = dict[str, Any]

_SHARED_COLUMNS = ("sg_event_id", "occurred_at", "event", "message_id", "address")
FACT_COLUMNS = (*_SHARED_COLUMNS, "fact", "scope", "suppression", "reason")
EVENT_COLUMNS = (*_SHARED_COLUMNS, "raw")

EARLIEST_EPOCH = int(datetime(2009, 1, 1, tzinfo=UTC).timestamp())  # SendGrid was founded that year
LATEST_EPOCH = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
DAY_SECONDS = 86_400
LONGEST_EVENT_ID = 200  # documented: up to 100; a longer one is replaced by its hash
LONGEST_ADDRESS = 320
LONGEST_KIND = 100
LONGEST_TOPIC = 63
NULL = "\\N"
LONGEST_REASON = 1000

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
        "unsubscribed address",
        "spam reporting address",
        "invalid",
        "invalid address",
        "invalid email address",
    )
)
_HASHED = (
    "email", "event", "timestamp", "sg_message_id", "url", "lm_message_id", "type", "reason", "attempt",
    "asm_group_id", "useragent", "ip",
)  # fmt: skip
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": ""})


@dataclass(frozen=True)
class Rules:
    """What an ingest knows beside the events: unsubscribe group → topic; the latest plausible second."""

    topics: Mapping[int, str]
    latest_epoch: int = LATEST_EPOCH


class Refused(Exception):
    """An event that cannot be taken: `reason` by name, `detail` without personal data."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Staged(NamedTuple):
    """One event ready for the database: its identity, its day since 1970 (UTC), two lines in COPY's text format.

    `fact_line` has FACT_COLUMNS: what the event means. `event_line` has EVENT_COLUMNS: the event as it came.
    """

    identity: str
    day: int
    fact_line: bytes
    event_line: bytes


def staged(event: Event, raw: bytes, rules: Rules) -> Staged:
    """Return the event as it goes into the database; `raw` is its own JSON text on one line.

    Raises:
        Refused: a field the ledger stands on is missing or of the wrong type.
    """
    kind = _kind(event)
    epoch = _epoch(event, rules)
    address = _address(event)
    identity = _identity(event)
    fact = _fact(event, kind)
    shared = (
        f"{_escaped(identity)}\t{_moment(epoch)}\t{_escaped(kind)}\t{_message_id(event) or NULL}\t{_field(address)}\t"
    ).encode()
    tail = _PLAIN_TAILS.get(fact) or _telling_tail(event, kind, fact, rules)
    return Staged(identity, epoch // DAY_SECONDS, shared + tail, shared + staged_json(raw) + b"\n")


_PLAIN_TAILS = {
    fact: f"{fact or NULL}\t{NULL}\t{NULL}\t{NULL}\n".encode()
    for fact in (None, "processed", "delivered", "deferred", "open", "machine_open", "click")
}


def _telling_tail(event: Event, kind: str, fact: str | None, rules: Rules) -> bytes:
    """The last columns of what failed, or says whom to mail no more."""
    scope = suppression = reason = ""
    if fact in _FAILURES:
        reason = without_addresses(str(event.get("reason") or ""))[:LONGEST_REASON]
        if fact == "bounced_hard":
            scope, suppression = "all", "hard_bounce"
        elif fact == "dropped" and reason.strip().lower() in _LASTING_DROPS:
            scope, suppression = "all", "dropped"
    elif fact == "complaint":
        scope, suppression = "all", "complaint"
    elif fact == "unsubscribe":
        scope, suppression = _scope(event, kind, rules.topics), "unsubscribed"
    elif fact == "resubscribe":
        scope = _scope(event, kind, rules.topics)
    return f"{fact}\t{_field(scope)}\t{suppression or NULL}\t{_field(reason)}\n".encode()


@lru_cache(maxsize=100_000)
def _moment(epoch: int) -> str:
    # Many events share a second.
    return datetime.fromtimestamp(epoch, UTC).isoformat()


def without_addresses(text: str) -> str:
    """Return the text with every e-mail address replaced by ``[address]``."""
    return _ADDRESS.sub("[address]", text) if "@" in text else text


def plain_json(event: Event) -> bytes:
    """Return the event as JSON whose every text the database can hold: without NUL."""
    return orjson.dumps(_without_nul(event))


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
    if type(value) is float and value == value and abs(value) < 1e18:
        value = int(value)
    # A tool in between may have turned numbers into text; the event is evidence all the same.
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if type(value) is not int:
        raise Refused("timestamp_not_a_number", "field timestamp is missing or no number of seconds")
    if value < EARLIEST_EPOCH:
        raise Refused("timestamp_too_early", f"timestamp {value} lies before 2009")
    if value > rules.latest_epoch:
        raise Refused("timestamp_in_future", f"timestamp {value} lies in the future")
    return value


def _address(event: Event) -> str:
    email = event.get("email")
    if email is None:
        return ""
    if type(email) is not str:
        raise Refused("email_not_text", "field email is no text")
    if len(email) > LONGEST_ADDRESS:
        raise Refused("email_too_long", f"field email has {len(email)} characters")
    return email.strip().lower()


def _identity(event: Event) -> str:
    """The provider's id; where it gave none, a hash of what tells one event from another."""
    identity = event.get("sg_event_id")
    if type(identity) is str and 0 < len(identity) <= LONGEST_EVENT_ID and "\x00" not in identity:
        return identity
    told = [identity, *(event.get(name) for name in _HASHED)]
    return "hash:" + hashlib.blake2b(orjson.dumps(told), digest_size=16).hexdigest()


def _fact(event: Event, kind: str) -> str | None:
    if kind == "open":
        return "machine_open" if event.get("sg_machine_open") in (True, "true", 1) else "open"
    if kind == "bounce":
        # A block, and a deferral that expired, are soft; SendGrid tells a real bounce by type 'bounce'.
        return "bounced_hard" if event.get("type") in ("bounce", None) else "bounced_soft"
    return _FACTS.get(kind)


def _scope(event: Event, kind: str, topics: Mapping[int, str]) -> str:
    """'topic:<name>' where the event names a topic we know, else 'all': when in doubt, mail less."""
    if kind == "lm_unsubscribe":
        topic = event.get("lm_topic")
        named = type(topic) is str and 0 < len(topic) <= LONGEST_TOPIC and topic != "all"
        return f"topic:{topic}" if named else "all"
    if kind == "unsubscribe":
        return "all"
    group = event.get("asm_group_id")
    if type(group) is str and group.isdecimal():
        group = int(group)
    topic = topics.get(group) if type(group) is int else None
    return f"topic:{topic}" if topic else "all"


def _message_id(event: Event) -> str | None:
    value = event.get("lm_message_id")
    return value if type(value) is str and _UUID.fullmatch(value) else None


def _field(text: str) -> str:
    return _escaped(text) if text else NULL


def _escaped(text: str) -> str:
    return text if text.isprintable() and "\\" not in text else text.translate(_ESCAPES)


def staged_json(raw: bytes) -> bytes:
    """Return an event's JSON text as the last field of a line for COPY."""
    # JSON strings hold no raw control characters, so tabs and line ends can only be space between tokens.
    if b"\\" in raw:
        if b"\\u0000" in raw:  # valid JSON, but no operator of the database can read such a text
            raw = plain_json(orjson.loads(raw))
        raw = raw.replace(b"\\", b"\\\\")
    return raw.replace(b"\t", b" ").replace(b"\r", b" ").replace(b"\n", b" ")
