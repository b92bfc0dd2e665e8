"""Build the one request of a claim: pure, from the shell and the recipients' slots to SendGrid's JSON.

Nothing personal rides outside `to`, `subject` and `substitutions`: SendGrid keeps custom arguments and
categories for good, so they carry an opaque id and the campaign's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.messages.shells import Shell, rebuild
from lifecycle_mail.messages.states import ClaimedMail

MAX_RECIPIENTS = 1000
MAX_SLOT_BYTES = 10_000


def build_request(shell: Shell, mails: Sequence[ClaimedMail], topic: Topic) -> dict[str, Any]:
    """Return the body of POST /v3/mail/send, ready for orjson, for up to 1,000 mails of one shell."""
    request = _shared(shell, topic, shell.subject, shell.text, shell.html)
    request["personalizations"] = [
        {**_recipient(mail), "substitutions": orjson.Fragment(mail.slots)} for mail in mails
    ]
    return request


def build_whole_request(shell: Shell, mail: ClaimedMail, topic: Topic) -> dict[str, Any]:
    """Return the body for one mail rendered whole: its slots are larger than substitutions may be."""
    whole = rebuild(shell, orjson.loads(mail.slots), mail.subject)
    request = _shared(shell, topic, whole.subject, whole.text, whole.html)
    request["personalizations"] = [_recipient(mail)]
    return request


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


def _recipient(mail: ClaimedMail) -> dict[str, Any]:
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
    return personalization
