"""One event as the provider posted it → its two rows for COPY, or a named reason to set it aside.

First part of the events stage, pure and hot: 100,000 events per step pass through `staged`. SendGrid's words
(`sendgrid.event_words`) say what an event means for a message (`fact`) and for suppression (`scope`, `suppression`).
SQL folds these. An event without our ids also has what finds its mail, and a click has what tells its kinds apart. The
event itself is written to its table as it came.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import orjson

from lifecycle_mail.events.copying import NULL, bigint, boolean, moment, size_of, text, uuid
from lifecycle_mail.events.erased import ErasedAddresses, without_person
from lifecycle_mail.mailboxes import mailbox
from lifecycle_mail.sendgrid.event_words import (
    EARLIEST_EPOCH,
    FAILURES,
    Groups,
    fact_of,
    given_id,
    is_of_others,
    kind_of,
    request_of,
    seconds_of,
    suppression_of,
    telling_fields,
)
from lifecycle_mail.sendgrid.scanners import is_scanner

Event = dict[str, Any]

_SHARED_COLUMNS = ("sg_event_id", "occurred_at", "message_id")
FACT_COLUMNS = (
    *_SHARED_COLUMNS, "fact", "event", "address", "scope", "suppression", "reason",
    "request_id", "link", "agent", "is_scanner",
)  # fmt: skip
EVENT_COLUMNS = (*_SHARED_COLUMNS, "fact", "event", "address", "raw")

LATEST_EPOCH = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
DAY_SECONDS = 86_400
LONGEST_ADDRESS = 320
LONGEST_KIND = 100
LONGEST_REASON = 1000
_BARE = re.compile(r"(?:.*<|\s*mailto:)\s*([^<>]*[^<>\s])\s*>?\s*", re.IGNORECASE | re.DOTALL)
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


@dataclass(frozen=True)
class Rules:
    """What an ingest knows in addition to the events: unsubscribe group → topic; the latest plausible second; whose
    addresses must not be stored again (None = no person was erased); groups of other applications; the second of the
    ingest itself; links of the footer (`footer_links`), a click on which shows no interest in the mail."""

    topics: Mapping[int, str]
    latest_epoch: int = LATEST_EPOCH
    is_erased: ErasedAddresses | None = None
    foreign_groups: frozenset[int] = frozenset()
    ingest_epoch: int = LATEST_EPOCH
    footer_links: tuple[str, ...] = ()

    def is_footer(self, link: Any) -> bool:
        """Tell whether a link is one of the footer's, whatever is appended to it."""
        if type(link) is not str:
            return False
        page = _page(link)
        return any(page.startswith(one) if one.endswith("/") else page == one for one in self.footer_links)

    @cached_property
    def groups(self) -> Groups:
        """The unsubscribe groups of the account that are known."""
        return Groups(self.topics, self.foreign_groups)


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


def no_of_refused(event: Event, raw: bytes, rules: Rules) -> Staged | None:
    """Return what a refused event says against mail; None = nothing, or nothing about a known mailbox or mail.

    A no counts even from an event that is refused, as one of a feed's row does. Without a time that can be read it was
    said at the ingest. Without an address it is about the mail that it names.
    """
    try:
        kind = _kind(event)
        if not suppression_of(event, kind, fact_of(event, kind), _reason(event), rules.groups)[1]:
            return None
        if not _has_address(event):
            event = {**event, "email": None}
        return staged(event, raw, rules, _epoch_or_ingest(event, rules)) if _is_about_someone(event) else None
    except Refused:
        return None


def _epoch_or_ingest(event: Event, rules: Rules) -> int:
    try:
        return _epoch(event, rules)
    except Refused:
        return rules.ingest_epoch


def _has_address(event: Event) -> bool:
    email = event.get("email")
    return type(email) is str and len(email) <= LONGEST_ADDRESS


def _is_about_someone(event: Event) -> bool:
    return event["email"] is not None or _message_id(event) != NULL


def staged(event: Event, raw: bytes, rules: Rules, epoch: int | None = None) -> Staged:
    """Return the event as it is stored; `raw` is its own JSON text. `epoch` is its second, None = the one it tells.

    Raises:
        Refused: a field that the ledger needs is missing or of the wrong type.
    """
    kind = _kind(event)
    epoch = _epoch(event, rules) if epoch is None else epoch
    address = _address(event)
    whom = kept_whom = _kind_field(kind) + address
    if rules.is_erased is not None and (name := address[len(NULL) :]):
        # Only the stored event is reduced. Its meaning and its identity still come from the whole event.
        if rules.is_erased(name):
            whom = kept_whom = _kind_field(kind) + NULL
            raw = written(without_person(event))
        elif rules.is_erased.is_left_mail(name, event.get("lm_message_id")):
            # What it means for the mailbox concerns the living customer.
            kept_whom = _kind_field(kind) + NULL
            raw = written(without_person(event))
    identity = given_id(event) or _hash_of(event)
    fact = fact_of(event, kind)
    if fact == "click" and rules.footer_links and rules.is_footer(event.get("url")):
        fact = ""
    message_id = _message_id(event)
    if message_id == NULL and fact and "lm_message_id" not in event:
        meaning = _lost(event, kind, fact, rules, whom)
    else:
        meaning = _PLAIN.get(fact) or _telling(event, kind, fact, rules, whom) + _found(event, fact)
    if b"\\u0000" in raw:  # valid JSON, but no operator of the database can read such a text
        raw = plain_json(orjson.loads(raw))
    shared = text(identity) + moment(epoch) + message_id
    event_row = b"".join((shared, _UNTOLD_BY_KIND.get(fact, NULL), kept_whom, size_of(len(raw)), raw))
    return Staged(identity, epoch // DAY_SECONDS, shared + meaning, event_row)


_STEPS = ("processed", "deferred", "open", "machine_open")
_PLAIN = {"": NULL * 10} | {fact: text(fact) + NULL * 9 for fact in _STEPS}
# For open and bounce the kind alone does not say what they mean. For all other kinds it does.
_UNTOLD_BY_KIND = {fact: text(fact) for fact in ("machine_open", "bounced_hard", "bounced_soft")}


def _telling(event: Event, kind: str, fact: str, rules: Rules, whom: bytes, is_lost: bool = False) -> bytes:
    """Return the fields from fact to reason. A mere step of a mail's life has its address only if a fold needs it."""
    if fact in _STEPS or fact == "delivered":
        return text(fact) + whom + NULL * 3
    if fact == "click":
        return text(fact) + (whom if is_lost else NULL * 2) + NULL * 3
    if is_of_others(event, kind, rules.groups):
        return NULL * 6
    reason = without_addresses(_reason(event))[:LONGEST_REASON] if fact in FAILURES else ""
    scope, suppression = suppression_of(event, kind, fact, reason, rules.groups)
    return text(fact) + whom + b"".join(map(_text_or_null, (scope, suppression, reason)))


def _lost(event: Event, kind: str, fact: str, rules: Rules, whom: bytes) -> bytes:
    """Return all fields of an event without our ids: its mail is found by its request and address."""
    return _telling(event, kind, fact, rules, whom, is_lost=True) + _found(event, fact, request_of(event))


def _found(event: Event, fact: str, request_id: str = "") -> bytes:
    """Return the fields request_id, link, agent and is_scanner."""
    click = _click(event.get("url"), event.get("useragent")) if fact == "click" else NULL * 3
    return _text_or_null(request_id) + click


def _click(link: Any, agent: Any) -> bytes:
    agent = agent if type(agent) is str else ""
    return bigint(_short_hash(link if type(link) is str else "")) + _agent_fields(agent)


@lru_cache(maxsize=10_000)
def _agent_fields(agent: str) -> bytes:
    return bigint(_short_hash(agent)) + boolean(is_scanner(agent))


def _page(link: str) -> str:
    return link.partition("?")[0].partition("#")[0].strip().rstrip("/").lower()


def footer_links(public_url: str, pages_url: str, preferences_url: str | None) -> tuple[str, ...]:
    """Return the links that show no interest in a mail: all to unsubscribe, to our pages, and to the shop's own page
    of preferences."""
    own = (f"{_page(public_url)}/unsubscribe/", f"{_page(pages_url)}/m/")
    return (*own, _page(preferences_url)) if preferences_url else own


def _short_hash(value: str) -> int:
    """Return 64 bits of the md5, signed: event.click holds no link and no agent that could name a person."""
    digest = hashlib.md5(value.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


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
    """Return the event as JSON without NUL, which the database cannot hold in a text.

    Raises:
        Refused: the event is nested too deeply.
    """
    try:
        return written(_without_nul(event))
    except RecursionError:
        raise _too_deep() from None


def written(value: Any) -> bytes:
    """Return a value that was read from JSON as JSON again.

    Raises:
        Refused: it is nested too deeply to be written.
    """
    try:
        return orjson.dumps(value)
    except TypeError:  # the only value that orjson reads and cannot write is one nested too deeply
        raise _too_deep() from None


def _too_deep() -> Refused:
    return Refused("nested_too_deeply", "lists and objects are nested more deeply than in any real event")


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value


def _kind(event: Event) -> str:
    kind = kind_of(event)
    if type(kind) is not str or not kind:
        raise Refused("event_missing", "field event is missing or not a text")
    if len(kind) > LONGEST_KIND:
        raise Refused("event_too_long", f"field event has {len(kind)} characters")
    return kind


def _epoch(event: Event, rules: Rules) -> int:
    value = event.get("timestamp")
    if type(value) is int and EARLIEST_EPOCH <= value <= rules.latest_epoch:
        return value
    value = seconds_of(value)
    if value is None:
        raise Refused("timestamp_not_a_number", "field timestamp is missing or not a number of seconds")
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
        raise Refused("email_not_text", "field email is not a text")
    if len(email) > LONGEST_ADDRESS:
        raise Refused("email_too_long", f"field email has {len(email)} characters")
    if "<" in email or ":" in email:
        email = _BARE.sub(r"\1", email)
    return _text_or_null(mailbox(email))


def _hash_of(event: Event) -> str:
    """Return an id for an event to which the provider gave none."""
    return "hash:" + hashlib.blake2b(written(telling_fields(event)), digest_size=16).hexdigest()


def _message_id(event: Event) -> bytes:
    value = event.get("lm_message_id")
    return (uuid(value) if type(value) is str else None) or NULL
