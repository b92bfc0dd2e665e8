"""What a queue or log delivered → the events inside. Pure.

The list of envelopes is closed: lists under `Records`, `records`, `events` and `logEvents` (Lambda, Firehose,
CloudWatch), one event under `message`, `Message`, `Sns`, `body` and `detail` (Logstash, SNS, SQS, EventBridge), as an
object or as a text that is JSON. An object with a text under `event` is an event, whatever else it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from lifecycle_mail.events.pieces import pieces

LISTS = ("Records", "records", "events", "logEvents")
SINGLES = ("message", "Message", "Sns", "body", "detail")
DEEPEST = 5  # envelopes and lists around an event


@dataclass(frozen=True)
class Unread:
    """A part of an envelope that holds no event: `reason` by name, `detail` without personal data, its own text."""

    reason: str
    detail: str
    raw: bytes


def is_event(value: Any) -> bool:
    """Tell whether a value is an event itself."""
    return type(value) is dict and type(value.get("event")) is str


def events_in(value: Any, depth: int = 0) -> Iterator[Any]:
    """Yield the events inside a value, and an Unread for each part that cannot be read.

    A value that is neither event nor envelope is yielded as it is.
    """
    key = _key(value)
    if type(value) is not list and not key:
        yield value
    elif depth > DEEPEST:
        yield Unread("envelope_too_deep", f"more than {DEEPEST} envelopes lie around it", _text(value))
    elif type(value) is list:
        for item in value:
            yield from events_in(item, depth + 1)
    elif type(value[key]) is str:
        yield from _events_in_text(key, value[key], depth)
    else:
        yield from events_in(value[key], depth + 1)


def _events_in_text(key: str, text: str, depth: int) -> Iterator[Any]:
    body = text.encode("utf-8", "replace")
    for piece in pieces(body):
        if piece.fault:
            detail = f"the text under {key} is not JSON"
            yield Unread("envelope_not_json", detail, body[piece.start : piece.end])
        else:
            yield from events_in(piece.value, depth + 1)


def rewritten(value: Any, change: Callable[[Any], Any], depth: int = 0) -> Any:
    """Return the value with `change` applied to each event inside, and to each part that holds none."""
    key = _key(value)
    if depth > DEEPEST or (type(value) is not list and not key):
        return change(value)
    if type(value) is list:
        return [rewritten(item, change, depth + 1) for item in value]
    return {**value, key: _rewritten_text(value[key], change, depth + 1)}


def _rewritten_text(inner: Any, change: Callable[[Any], Any], depth: int) -> Any:
    if type(inner) is not str:
        return rewritten(inner, change, depth)
    parts = list(pieces(inner.encode("utf-8", "replace")))
    if any(piece.fault for piece in parts):
        return change(inner)
    return "".join(orjson.dumps(rewritten(piece.value, change, depth)).decode() for piece in parts)


def _key(value: Any) -> str:
    """Return under which key an envelope holds what it carries; '' = the value is no envelope."""
    if type(value) is not dict or is_event(value):
        return ""
    for key in LISTS:
        if type(value.get(key)) is list:
            return key
    return next((key for key in SINGLES if type(value.get(key)) in (dict, list, str)), "")


def _text(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # nested too deeply to be written
        return b""
