"""Who sent this: SendGrid's signature over the raw bytes of a post.

The signature covers the timestamp header followed by the body, byte for byte as it came; any re-serialisation would
break it. ECDSA on P-256 with SHA-256, the signature DER in base64, the public key base64 DER or PEM.
"""

import base64
import binascii
import re
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
FUTURE_SECONDS_MAX = 300


# A key in base64 has no blank in it; PEM has.
_NEXT_KEY = re.compile(r"[,;\s]+")
_NEXT_PEM = re.compile(r"[,;]|(?<=-)\s*(?=-----BEGIN)")


class KeyUnusable(ValueError):
    """The public key cannot be used; the message says why."""


class NotSigned(Exception):
    """The post was not signed by the holder of the key, or too long ago; the message says which."""


def read_public_keys(text: str) -> tuple[ec.EllipticCurvePublicKey, ...]:
    """Return the keys of a text: separated by commas, semicolons or line ends, or PEM blocks one after another.

    While a key is replaced, SendGrid signs with the one and then with the other.
    Raises: KeyUnusable.
    """
    separator = _NEXT_PEM if "-----BEGIN" in text else _NEXT_KEY
    return tuple(read_public_key(one) for one in separator.split(text) if one.strip())


def read_public_key(text: str) -> ec.EllipticCurvePublicKey:
    """Return the key that SendGrid shows in its settings (base64 DER), or the same as PEM.

    Raises: KeyUnusable.
    """
    text = text.strip()
    try:
        if text.startswith("-----BEGIN"):
            key = serialization.load_pem_public_key(text.encode())
        else:
            key = serialization.load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise KeyUnusable("it is neither base64 DER nor PEM of a public key") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyUnusable("it is not a P-256 public key, which SendGrid's signed webhook uses")
    return key


def check_headers(signature: str | None, timestamp: str | None, now: float, tolerance_seconds: float) -> bytes:
    """Return the signature's bytes if the two headers could belong to a good post; the body is not needed for that.

    `signature` and `timestamp` are the headers as they came, None if missing; `now` is unix seconds.
    Raises: NotSigned.
    """
    if not signature or not timestamp:
        raise NotSigned("a signature header is missing")
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise NotSigned("the timestamp header is not unix seconds")
    if not -FUTURE_SECONDS_MAX <= now - int(timestamp) <= tolerance_seconds:
        raise NotSigned("the timestamp is outside the tolerance")
    try:
        return base64.b64decode(signature, validate=True)
    except ValueError as error:
        raise NotSigned("the signature does not match") from error


def verify(
    keys: Iterable[ec.EllipticCurvePublicKey],
    signature: str | None,
    timestamp: str | None,
    body: bytes,
    now: float,
    tolerance_seconds: float,
) -> None:
    """Return if the holder of one of the keys signed `body` no longer than `tolerance_seconds` before `now`.

    The other arguments are those of `check_headers`.
    Raises: NotSigned.
    """
    signed = check_headers(signature, timestamp, now, tolerance_seconds)
    if not any(_matches(key, signed, str(timestamp).encode() + body) for key in keys):
        raise NotSigned("the signature does not match")


def _matches(key: ec.EllipticCurvePublicKey, signed: bytes, message: bytes) -> bool:
    try:
        key.verify(signed, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
