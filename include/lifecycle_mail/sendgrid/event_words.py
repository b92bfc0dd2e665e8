"""An event as SendGrid posts it → what it means: a fact of a mail, a suppression, and its scope. Pure and hot.

Our collector and the recipients' pages write events of the same form: `lm_unsubscribe` and `lm_return`, with the topic
in `lm_topic`; `lm_confirm`, a yes to all mail; `lm_answer`, with `survey` and `answer`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Event = Mapping[str, Any]

EARLIEST_EPOCH = int(datetime(2009, 1, 1, tzinfo=UTC).timestamp())  # SendGrid was founded that year
LONGEST_EVENT_ID = 200  # documented are up to 100; a longer one is replaced by its hash
LONGEST_TOPIC = 63
LONGEST_NUMBER = 30  # characters of a number that is written as text
_LATEST_SECONDS = 10**12  # a larger number counts milliseconds, microseconds or nanoseconds
_NAME = re.compile(r"[a-z][a-z_ .-]{0,39}")
_WHOLE = re.compile(r"([0-9]+)(?:\.0*)?")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?")
# What a tool writes that turned "no id" into a text.
_NO_ID = frozenset(("", "null", "none", "nan", "undefined"))
LONGEST_NO_ID = max(map(len, _NO_ID))
LARGEST_GROUP = 2**63 - 1  # what the database holds

# These fields of an event name no person, so an erasure keeps them.
KEPT_KEYS = (
    "event", "timestamp", "sg_event_id", "sg_message_id", "type", "status", "attempt", "category",
    "asm_group_id", "sg_machine_open", "bounce_classification", "send_at", "tls",
)  # fmt: skip

NOT_OURS = ""
"""The scope of a word about another application's group: it says nothing about our mail."""


@dataclass(frozen=True)
class Groups:
    """The unsubscribe groups of the account that are known: group → our topic; groups of other applications."""

    topics: Mapping[int, str]
    foreign: frozenset[int] = frozenset()

    def scope(self, group_id: int) -> str:
        """Return 'topic:<name>', NOT_OURS, or 'group:<number>' if nothing says whose the group is."""
        if topic := self.topics.get(group_id):
            return f"topic:{topic}"
        return NOT_OURS if group_id in self.foreign else f"group:{group_id}"


FACTS = {
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
    "lm_return": "resubscribe",
    "lm_confirm": "confirm",
    "lm_answer": "answer",
}
"""What an event means by its kind alone; other fields tell the sorts of opens and bounces apart (`fact_of`)."""

KINDS = frozenset((*FACTS, "open", "bounce", "account_status_change"))
"""Kinds that are known, with or without a meaning."""

FAILURES = frozenset(("bounced_hard", "bounced_soft", "dropped"))
"""Facts that come with a reason."""

# Drops that say the address must not be mailed again. The others (spam content, quota…) concern the mail alone.
_LASTING_DROPS = frozenset(
    (
        "bounced address",
        "spam reporting address",
        "invalid",
        "invalid address",
        "invalid email address",
    )
)
# SendGrid says only this of a member of its global list, and of a member of the group that the mail was sent with.
_LEFT = "unsubscribed address"
_TRUE = (True, "true", "1", "yes")
_TELLING = (
    "email", "event", "timestamp", "sg_message_id", "url", "lm_message_id", "type", "reason", "attempt",
    "asm_group_id", "useragent", "ip",
)  # fmt: skip


def fact_of(event: Event, kind: str) -> str:
    """Return what the event means for its mail: processed, open, machine_open, bounced_hard…; '' = nothing."""
    if kind == "open":
        return "machine_open" if _word(event.get("sg_machine_open")) in _TRUE else "open"
    if kind == "bounce":
        # A block, and a deferral that expired, are soft. SendGrid marks a real bounce with type 'bounce'.
        return "bounced_hard" if _word(event.get("type")) in ("bounce", "", None) else "bounced_soft"
    return FACTS.get(kind, "")


def kind_of(event: Event) -> Any:
    """Return the event's kind, in whatever case and with whatever blanks a tool wrote it."""
    return _word(event.get("event"))


def shown_kind(kind: str) -> str:
    """Return a kind that is not known, as a log may show it: a name, and nothing in which a person could stand."""
    return kind if _NAME.fullmatch(kind) else "with other signs than a name"


def _word(value: Any) -> Any:
    return value.strip().lower() if type(value) is str else value


def seconds_of(value: Any) -> int | None:
    """Return a timestamp as whole seconds since 1970; None = it is none.

    SendGrid posts a number of seconds. A tool in between may have made it a text, a float, a number of milliseconds, or
    a date with its offset. The event is evidence all the same.
    """
    if type(value) is str:
        value = _number(value.strip())
    if type(value) is float:
        value = int(value) if abs(value) < 1e20 else None  # neither infinite nor no number
    if type(value) is not int:
        return None
    for _ in range(3):
        value = value // 1000 if value >= _LATEST_SECONDS else value
    return int(value)


def _number(text: str) -> Any:
    """Return the number that a text is, or the seconds of a date with an offset; None = neither."""
    if len(text) <= LONGEST_NUMBER and _NUMBER.fullmatch(text):
        return int(text.partition(".")[0])
    try:
        moment = datetime.fromisoformat(text.removesuffix(" UTC") + "+00:00" * text.endswith(" UTC"))
    except ValueError:
        return None
    return int(moment.timestamp()) if moment.tzinfo else None


def is_of_others(event: Event, kind: str, groups: Groups) -> bool:
    """Tell whether the event is a word about another application's group alone."""
    return kind in ("group_unsubscribe", "group_resubscribe") and _scope(event, kind, groups) == NOT_OURS


def suppression_of(event: Event, kind: str, fact: str, reason: str, groups: Groups) -> tuple[str, str]:
    """Return the scope ('all', 'topic:<name>', 'group:<number>') and the reason if the event ends a permission or gives
    one back.

    ('', '') = neither. A resubscription has a scope and no reason. `reason` is the text of a failure.
    """
    if fact == "bounced_hard":
        return "all", "hard_bounce"
    if fact == "dropped":
        return _dropped(event, kind, reason.strip().lower(), groups)
    if fact == "complaint":
        return "all", "complaint"
    if fact == "unsubscribe":
        return _scope(event, kind, groups), "unsubscribed"
    return (_scope(event, kind, groups), "") if fact == "resubscribe" else ("", "")


def _dropped(event: Event, kind: str, reason: str, groups: Groups) -> tuple[str, str]:
    """Return the scope and reason of a drop. A person who left a topic left no other, and may come back to it."""
    if reason == _LEFT:
        scope = _scope(event, kind, groups)
        return (scope, "unsubscribed") if scope != NOT_OURS else ("", "")
    return ("all", "dropped") if reason in _LASTING_DROPS else ("", "")


def _scope(event: Event, kind: str, groups: Groups) -> str:
    """Return the scope of what the event names (`Groups.scope`); 'all' if it names none: when in doubt, mail less."""
    if kind in ("lm_unsubscribe", "lm_return"):
        topic = event.get("lm_topic")
        named = type(topic) is str and 0 < len(topic) <= LONGEST_TOPIC and topic != "all"
        return f"topic:{topic}" if named else "all"
    if kind == "unsubscribe":
        return "all"
    group = _group(event.get("asm_group_id"))
    return groups.scope(group) if type(group) is int and 0 < group <= LARGEST_GROUP else "all"


def _group(value: Any) -> Any:
    """Return the number of a group, which a tool may have written as a text, or as a float next to empty fields."""
    if type(value) is str and len(value) <= LONGEST_NUMBER and (found := _WHOLE.fullmatch(value.strip())):
        return int(found[1])
    return int(value) if type(value) is float and value.is_integer() else value


def given_id(event: Event) -> str | None:
    """Return SendGrid's own id of the event; None = the event has no usable id."""
    identity = event.get("sg_event_id")
    if type(identity) is not str or not 0 < len(identity) <= LONGEST_EVENT_ID or "\x00" in identity:
        return None
    identity = identity.strip()
    return identity if len(identity) > LONGEST_NO_ID or identity.lower() not in _NO_ID else None


def request_of(event: Event) -> str:
    """Return the X-Message-Id of the request that the event's mail came with: sg_message_id up to its first dot; '' =
    the event does not say, as most late bounces do not."""
    value = event.get("sg_message_id")
    return value.split(".", 1)[0] if type(value) is str and len(value) <= LONGEST_EVENT_ID else ""


def telling_fields(event: Event) -> list[Any]:
    """Return what distinguishes one event from another if SendGrid gave it no usable id. What a tool wrote in another
    form is the same."""
    attempt = event.get("attempt")
    usual = {
        "event": kind_of(event), "timestamp": seconds_of(event.get("timestamp")),
        "asm_group_id": _group(event.get("asm_group_id")), "attempt": str(attempt) if type(attempt) is int else attempt,
    }  # fmt: skip
    return [event.get("sg_event_id"), *(usual.get(name, event.get(name)) for name in _TELLING)]
