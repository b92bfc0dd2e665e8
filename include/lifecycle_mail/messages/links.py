"""Signed personal links. They name a mail, and a topic or an end, and no person.

The one-click link: base64url(payload) "." first 22 characters of base64url(HMAC-SHA256(secret, payload)), the payload
being ``<message_id>|<topic>``. The event collector reads the same format. It imports nothing from here, so that the
public service stays small, and a test keeps the two equal.

The link to a recipient's pages: 24 characters of payload (the 16 bytes of the message id, and the last day it works as
2 bytes of days since 1970) and 22 of the signature. The signature covers a word before the payload, so that neither
link is ever taken for the other.
"""

from __future__ import annotations

import datetime as dt
import hmac
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from uuid import UUID

PAGES = ("preferences", "leave", "stay", "confirm", "view")
"""What stands below a mail's page address; `survey/<survey>/<answer>` does too."""

PAGE_MARK = b"recipient page "
"""Signed before the payload of a link to pages."""

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = str.maketrans("-_", "+/")
_BEGIN = dt.date(1970, 1, 1)
_PAGE_TOKEN_LENGTH = 46


def make_token(secret: str, message_id: str, topic: str) -> str:
    """Return the token of one mail and topic."""
    payload = f"{message_id}|{topic}".encode()
    signature = hmac.digest(secret.encode(), payload, "sha256")
    return f"{_text(payload)}.{_text(signature)[:22]}"


def unsubscribe_url(public_url: str, secret: str, message_id: str, topic: str) -> str:
    """Return the address of the one-click unsubscribe of one mail (RFC 8058)."""
    return f"{public_url}/unsubscribe/{make_token(secret, message_id, topic)}"


def make_page_token(secret: str, message_id: str, last_day: dt.date) -> str:
    """Return the token of one mail's pages; `last_day` (UTC) is the last on which they open.

    Raises: ValueError if the message id is no UUID.
    """
    payload = bytes.fromhex(message_id.replace("-", "")) + (last_day - _BEGIN).days.to_bytes(2, "big")
    return _text(payload) + _page_signature(secret, payload)


class UnreadableLink(ValueError):
    """The text is no link of ours, or a damaged one; the error does not say which."""


class EndedLink(UnreadableLink):
    """The link is ours, and its last day has passed."""


def read_page_token(secrets: Sequence[str], token: str, today: dt.date) -> str:
    """Return the message id of a token that one of the secrets signed and that still works `today` (UTC).

    Raises: UnreadableLink, EndedLink. Signatures are compared in constant time.
    """
    if len(token) != _PAGE_TOKEN_LENGTH or not token.isascii():
        raise UnreadableLink
    try:
        payload = a2b_base64(token[:24].translate(_STANDARD), strict_mode=True)
    except ValueError:
        raise UnreadableLink from None
    if not any(hmac.compare_digest(token[24:], _page_signature(secret, payload)) for secret in secrets):
        raise UnreadableLink
    if _BEGIN + dt.timedelta(days=int.from_bytes(payload[16:], "big")) < today:
        raise EndedLink
    return str(UUID(bytes=payload[:16]))


def _page_signature(secret: str, payload: bytes) -> str:
    return _text(hmac.digest(secret.encode(), PAGE_MARK + payload, "sha256"))[:22]


def page_links(pages_url: str, token: str) -> dict[str, str]:
    """Return the addresses of a mail's pages, by the name that templates know."""
    page = f"{pages_url}/m/{token}"
    return {"page_url": page, **{f"{name}_url": f"{page}/{name}" for name in PAGES}}


def _text(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode()
