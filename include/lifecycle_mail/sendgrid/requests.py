"""Build the one request of a claim: a pure function from the shared part and each recipient's own to SendGrid's JSON.

The slots of a thousand mails are four megabytes of JSON. They go to the network piece by piece, as they were rendered,
and are never copied as a whole.

Personal data goes into `to`, `subject` and `substitutions` alone. SendGrid keeps custom arguments and categories
permanently, so they carry an opaque id and the campaign's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from lifecycle_mail.campaigns import Topic

MAX_RECIPIENTS = 1000
MAX_SLOT_BYTES = 10_000  # of one recipient's substitutions, keys and values
PIECE_BYTES = 100_000  # from a larger size on, glibc asks the system for each block, and the system clears it


class Content(Protocol):
    """What the recipients of a request read: a shared part with tokens for their own parts, or one whole mail."""

    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def html(self) -> str: ...


class OwnPart(Protocol):
    """One recipient's own part: address, message id, one-click link, subject (None = the shared one) and slots.

    `slots` is the JSON of token → text, as UTF-8.
    """

    @property
    def email(self) -> str: ...
    @property
    def message_id(self) -> str: ...
    @property
    def unsubscribe_url(self) -> str: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def slots(self) -> bytes: ...


class Request(NamedTuple):
    """The body of POST /v3/mail/send: a JSON object with what all recipients share, and one for each recipient.

    A recipient's object is cut into parts, so that its slots are not copied.
    """

    shared: bytes
    recipients: Sequence[Sequence[bytes]]

    @property
    def size(self) -> int:
        """The number of bytes of all pieces: the Content-Length."""
        commas = max(len(self.recipients) - 1, 0)
        parts = sum([len(part) for recipient in self.recipients for part in recipient])
        return len(self.shared) + len(_OPENING) + parts + commas + len(_CLOSING) - 1

    def pieces(self) -> Iterator[bytes]:
        """Yield the body, about twenty recipients at a time."""
        piece, size = [self.shared[:-1], _OPENING], 0
        for place, recipient in enumerate(self.recipients):
            if place:
                piece.append(b",")
            piece += recipient
            size += sum(map(len, recipient))
            if size >= PIECE_BYTES:
                yield b"".join(piece)
                piece, size = [], 0
        yield b"".join([*piece, _CLOSING])


_OPENING, _CLOSING = b',"personalizations":[', b"]}"


def build_request(campaign: str, content: Content, mails: Sequence[OwnPart], topic: Topic) -> Request:
    """Return the request for up to 1,000 mails that share `content`."""
    return Request(orjson.dumps(_shared(campaign, content, topic)), [_with_slots(mail) for mail in mails])


def build_whole_request(campaign: str, whole: Content, mail: OwnPart, topic: Topic) -> Request:
    """Return the request for one whole mail, whose slots are larger than substitutions may be."""
    return Request(orjson.dumps(_shared(campaign, whole, topic)), [(_personalization(mail),)])


def needs_own_request(mail: OwnPart) -> bool:
    """Tell whether the slots are larger than substitutions may be; their JSON is never shorter than the slots."""
    return len(mail.slots) > MAX_SLOT_BYTES and slots_bytes(orjson.loads(mail.slots)) > MAX_SLOT_BYTES


def slots_bytes(substitutions: Mapping[str, str]) -> int:
    """Return the size of a recipient's substitutions as SendGrid limits it: keys and values, UTF-8 bytes."""
    return sum(
        len(text) if text.isascii() else len(text.encode()) for pair in substitutions.items() for text in pair
    )


def _with_slots(mail: OwnPart) -> tuple[bytes, bytes, bytes, bytes]:
    return _personalization(mail)[:-1], b',"substitutions":', mail.slots, b"}"


def _personalization(mail: OwnPart) -> bytes:
    """Return one recipient's part of a request as JSON, without the slots."""
    personalization: dict[str, Any] = {
        "to": [{"email": mail.email}],
        "custom_args": {"lm_message_id": mail.message_id},
        "headers": {
            "List-Unsubscribe": f"<{mail.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }
    if mail.subject is not None:
        personalization["subject"] = mail.subject
    return orjson.dumps(personalization)


def _shared(campaign: str, content: Content, topic: Topic) -> dict[str, Any]:
    request: dict[str, Any] = {
        "from": {"email": topic.sender.email, "name": topic.sender.name},
        "subject": content.subject,
        "content": [{"type": "text/plain", "value": content.text}, {"type": "text/html", "value": content.html}],
        "categories": [campaign],
        "tracking_settings": {
            "click_tracking": {"enable": True, "enable_text": False},
            "open_tracking": {"enable": True},
            "subscription_tracking": {"enable": False},
        },
    }
    if topic.reply_to is not None:
        request["reply_to"] = topic.reply_to.model_dump(exclude_none=True)
    if topic.ip_pool is not None:
        request["ip_pool_name"] = topic.ip_pool
    if topic.sendgrid_group_id is not None:
        request["asm"] = {"group_id": topic.sendgrid_group_id}
    return request
