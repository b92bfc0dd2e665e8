"""Build the one request of a claim: pure, from the shell and the recipients' slots to SendGrid's JSON.

A recipient's part is written when it is rendered, the part all share when the request is made; together they are
four megabytes, which go to the network piece by piece and never stand in memory a second time.

Nothing personal rides outside `to`, `subject` and `substitutions`: SendGrid keeps custom arguments and
categories for good, so they carry an opaque id and the campaign's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.messages.shells import Shell, rebuild
from lifecycle_mail.messages.states import ClaimedMail

MAX_RECIPIENTS = 1000
MAX_SLOT_BYTES = 10_000
PIECE_BYTES = 100_000  # smaller than what glibc takes from the system anew, and clears, for each block


class Request(NamedTuple):
    """The body of POST /v3/mail/send: a JSON object of what all recipients share, and one for each recipient."""

    shared: bytes
    recipients: Sequence[bytes]

    @property
    def size(self) -> int:
        """How many bytes the pieces have together: the Content-Length."""
        commas = max(len(self.recipients) - 1, 0)
        return len(self.shared) + len(_OPENING) + sum(map(len, self.recipients)) + commas + len(_CLOSING) - 1

    def pieces(self) -> Iterator[bytes]:
        """Yield the body, some twenty recipients at a time."""
        piece, size = [self.shared[:-1], _OPENING], 0
        for place, recipient in enumerate(self.recipients):
            piece += (b",", recipient) if place else (recipient,)
            size += len(recipient)
            if size >= PIECE_BYTES:
                yield b"".join(piece)
                piece, size = [], 0
        yield b"".join([*piece, _CLOSING])


_OPENING, _CLOSING = b',"personalizations":[', b"]}"


def build_request(shell: Shell, mails: Sequence[ClaimedMail], topic: Topic) -> Request:
    """Return the request for up to 1,000 mails of one shell."""
    shared = _shared(shell, topic, shell.subject, shell.text, shell.html)
    return Request(orjson.dumps(shared), [mail.recipient for mail in mails])


def build_whole_request(shell: Shell, mail: ClaimedMail, topic: Topic) -> Request:
    """Return the request for one mail rendered whole: its slots are larger than substitutions may be."""
    recipient = orjson.loads(mail.recipient)
    whole = rebuild(shell, recipient.pop("substitutions"), mail.subject)
    shared = _shared(shell, topic, whole.subject, whole.text, whole.html)
    return Request(orjson.dumps(shared), [orjson.dumps(recipient)])


def write_recipient(
    email: str, message_id: str, unsubscribe_url: str, subject: str | None, slots: bytes
) -> bytes:
    """Return one recipient's part of a request as JSON; `slots` is the JSON of token → text."""
    personalization: dict[str, Any] = {
        "to": [{"email": email}],
        "custom_args": {"lm_message_id": message_id},
        "headers": {
            "List-Unsubscribe": f"<{unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "substitutions": orjson.Fragment(slots),
    }
    if subject is not None:
        personalization["subject"] = subject
    return orjson.dumps(personalization)


def substitutions(mail: ClaimedMail) -> dict[str, str]:
    """Return the slots of a mail, token → text."""
    return dict(orjson.loads(mail.recipient)["substitutions"])


def _shared(shell: Shell, topic: Topic, subject: str, text: str, html: str) -> dict[str, Any]:
    request: dict[str, Any] = {
        "from": {"email": topic.sender.email, "name": topic.sender.name},
        "subject": subject,
        "content": [{"type": "text/plain", "value": text}, {"type": "text/html", "value": html}],
        "categories": [shell.campaign],
        "tracking_settings": {
            "click_tracking": {"enable": True, "enable_text": False},
            "open_tracking": {"enable": True},
            "subscription_tracking": {"enable": False},
        },
    }
    if topic.sendgrid_group_id is not None:
        request["asm"] = {"group_id": topic.sendgrid_group_id}
    return request

