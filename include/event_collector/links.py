"""Unsubscribe tokens: what the product puts into List-Unsubscribe and what the collector reads back.

Format: base64url(payload) + "." + base64url(HMAC-SHA256(link_secret, payload))[:22]
where payload = message_id + "|" + topic in UTF-8; base64url without padding (RFC 4648, 5). The token
names a message and a topic and no person, and only the holder of the secret can make one.
"""

import base64
import binascii
import hashlib
import hmac

TOKEN_LENGTH_MAX = 512
_SIGNATURE_LENGTH = 22


class BadToken(ValueError):
    """The text is not a token made with this secret; the error does not say why."""


def make_token(secret: str | bytes, message_id: str, topic: str) -> str:
    """Return the token of one message and topic.

    Raises: ValueError for an empty secret or message id, and for a message id that holds a "|".
    """
    if not secret or not message_id or "|" in message_id:
        raise ValueError("a token needs a secret and a message id without '|'")
    payload = f"{message_id}|{topic}".encode()
    return f"{_encode(payload)}.{_signature(secret, payload)}"


def read_token(secret: str | bytes, token: str) -> tuple[str, str]:
    """Return (message_id, topic) of a token made with this secret.

    Raises: BadToken for anything else. The signature is compared in constant time.
    """
    encoded, dot, signature = token.partition(".")
    if not secret or not dot or len(token) > TOKEN_LENGTH_MAX or not token.isascii():
        raise BadToken
    payload = _decode(encoded)
    if not hmac.compare_digest(signature.encode(), _signature(secret, payload).encode()):
        raise BadToken
    try:
        message_id, bar, topic = payload.decode().partition("|")
    except UnicodeDecodeError as error:
        raise BadToken from error
    if not bar or not message_id:
        raise BadToken
    return message_id, topic


def _signature(secret: str | bytes, payload: bytes) -> str:
    key = secret.encode() if isinstance(secret, str) else secret
    return _encode(hmac.digest(key, payload, hashlib.sha256))[:_SIGNATURE_LENGTH]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """base64url with or without padding."""
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken from error
