"""What a queue or log delivered → the events inside. Pure.

The list of envelopes is closed: lists under LISTS (Lambda, Firehose, CloudWatch, SQS, Pub/Sub), one event under SINGLES
(Logstash, SNS, SQS, EventBridge, Kinesis), as an object, as a text that is JSON, or under ENCODED as base64 of such a
text. An object with a text under `event` is an event, whatever else it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from lifecycle_mail.events.encoded import Write, decoded
from lifecycle_mail.events.pieces import pieces

LISTS = ("Records", "records", "events", "logEvents", "Messages", "receivedMessages")
ENCODED = ("data", "Data")
SINGLES = ("message", "Message", "Sns", "body", "Body", "detail", "kinesis", "awslogs", *ENCODED)
DEEPEST = 5  # envelopes and lists around an event
_SIGNS = (*(f'"{key}"'.encode() for key in ENCODED), b'"isBase64Encoded"')


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
    if type(value) is not list and not key and not _is_json_text(value):
        yield value
    elif depth > DEEPEST:
        yield Unread("envelope_too_deep", f"more than {DEEPEST} envelopes lie around it", _text(value))
    elif type(value) is list:
        for item in value:
            yield from events_in(item, depth + 1)
    elif type(value) is str:
        yield from _events_in_text("of the list or line", value.encode("utf-8", "replace"), depth)
    elif type(value[key]) is str:
        yield from _events_under(value, key, depth)
    else:
        yield from events_in(value[key], depth + 1)


def _events_under(envelope: dict[str, Any], key: str, depth: int) -> Iterator[Any]:
    try:
        body, _ = _carried(envelope, key)
    except ValueError as error:
        # Its own text stays out: a person may be in it whom no search finds there.
        yield Unread("envelope_not_readable", f"the text under {key} {error}", b"")
    else:
        yield from _events_in_text(f"under {key}", body, depth)


def _events_in_text(place: str, body: bytes, depth: int) -> Iterator[Any]:
    for piece in pieces(body):
        if piece.fault:
            yield Unread("envelope_not_json", f"the text {place} is not JSON", body[piece.start : piece.end])
        else:
            yield from events_in(piece.value, depth + 1)


def _carried(envelope: dict[str, Any], key: str) -> tuple[bytes, Write]:
    """Return the text under a key, and what writes it as the envelope has it. Raises: ValueError (`decoded`)."""
    text = envelope[key]
    if (key in ENCODED or envelope.get("isBase64Encoded") is True) and (found := decoded(text)):
        return found
    return text.encode("utf-8", "replace"), bytes.decode


def rewritten(value: Any, change: Callable[[Any], Any], depth: int = 0) -> Any:
    """Return the value with `change` applied to each event inside, and to each part that holds none."""
    key = _key(value)
    if depth > DEEPEST or (type(value) is not list and not key and not _is_json_text(value)):
        return change(value)
    if type(value) is list:
        return [rewritten(item, change, depth + 1) for item in value]
    if type(value) is str:
        return _rewritten_text(value, value.encode("utf-8", "replace"), bytes.decode, change, depth + 1)
    if type(value[key]) is not str:
        return {**value, key: rewritten(value[key], change, depth + 1)}
    try:
        body, write = _carried(value, key)
    except ValueError:
        return value
    return {**value, key: _rewritten_text(value[key], body, write, change, depth + 1)}


def _rewritten_text(whole: str, body: bytes, write: Write, change: Callable[[Any], Any], depth: int) -> Any:
    """Return `whole`, which carries `body`, with the change; the very same text if nothing changes."""
    parts = list(pieces(body))
    if any(piece.fault for piece in parts):
        text = body.decode("utf-8", "replace")
        return whole if (changed := change(text)) == text else changed
    before = [piece.value for piece in parts]
    after = [rewritten(value, change, depth) for value in before]
    return whole if before == after else write(b"".join(map(orjson.dumps, after)))


def _key(value: Any) -> str:
    """Return under which key an envelope holds what it carries; '' = the value is no envelope."""
    if type(value) is not dict or is_event(value):
        return ""
    for key in LISTS:
        if type(value.get(key)) is list:
            return key
    return next((key for key in SINGLES if type(value.get(key)) in (dict, list, str)), "")


def _is_json_text(value: Any) -> bool:
    """Tell whether a value is a text that holds objects."""
    return type(value) is str and value.lstrip()[:1] in ("{", "[")


def _text(value: Any) -> bytes:
    """Return an envelope as text, or nothing where no search would find a person in it."""
    try:
        text = orjson.dumps(value)
    except TypeError:  # nested too deeply to be written
        return b""
    return b"" if may_be_encoded(text) else text


def may_be_encoded(text: bytes) -> bool:
    """Tell whether a text may hold an envelope whose content cannot be read in it."""
    return any(sign in text for sign in _SIGNS)
