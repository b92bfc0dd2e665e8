"""Signed personal links. They name a mail and a topic, and no person.

Token: base64url(payload) "." first 22 characters of base64url(HMAC-SHA256(secret, payload)), the payload being
``<message_id>|<topic>``. The event collector reads the same format. It imports nothing from here, so that the
public service stays small, and a test keeps the two equal.
"""

from __future__ import annotations

import hmac
from binascii import b2a_base64

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def make_token(secret: str, message_id: str, topic: str) -> str:
    """Return the token of one mail and topic."""
    payload = f"{message_id}|{topic}".encode()
    signature = hmac.digest(secret.encode(), payload, "sha256")
    return f"{_text(payload)}.{_text(signature)[:22]}"


def unsubscribe_url(public_url: str, secret: str, message_id: str, topic: str) -> str:
    """Return the address of the one-click unsubscribe of one mail (RFC 8058)."""
    return f"{public_url}/unsubscribe/{make_token(secret, message_id, topic)}"


def _text(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode()
