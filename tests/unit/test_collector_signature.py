"""Signatures: the vendor's own published example is accepted, anything else refused."""

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from event_collector.signature import KeyUnusable, NotSigned, read_public_key, read_public_keys, verify

# The example of the sendgrid package's own tests, its body in base64 because it must stay as it is.
KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw"
    "+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
)
SIGNATURE = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
TIMESTAMP = "1600112502"
BODY = base64.b64decode(
    "W3siZW1haWwiOiJoZWxsb0B3b3JsZC5jb20iLCJldmVudCI6ImRyb3BwZWQiLCJyZWFzb24iOiJCb3VuY2VkIEFkZHJlc3MiLCJzZ19l"
    "dmVudF9pZCI6IlpISnZjQzB4TURrNU5Ea3hPUzFNVW5wWWJGOU9TRk4wVDBkb1VUUnJiMlpUYlY5QkxUQSIsInNnX21lc3NhZ2VfaWQi"
    "OiJMUnpYbF9OSFN0T0doUTRrb2ZTbV9BLmZpbHRlcmRyZWN2LXAzbWR3MS03NTZiNzQ1YjU4LWttemJsLTE4LTVGNUZDNzZDLTkuMCIs"
    "InNtdHAtaWQiOiI8TFJ6WGxfTkhTdE9HaFE0a29mU21fQUBpc210cGQwMDM5cDFpYWQxLnNlbmRncmlkLm5ldD4iLCJ0aW1lc3RhbXAi"
    "OjE2MDAxMTI0OTJ9XQ0K"
)
NOW = 1_600_112_600.0
HOUR = 3600.0


def check(
    signature: str | None = SIGNATURE,
    timestamp: str | None = TIMESTAMP,
    body: bytes = BODY,
    now: float = NOW,
    key: str = KEY,
) -> None:
    verify(read_public_keys(key), signature, timestamp, body, now, 26 * HOUR)


def text(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def pem(key: ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def test_the_vendors_example_is_accepted() -> None:
    """The published example passes, with the key as base64 DER and as PEM."""
    check()
    check(key=pem(read_public_key(KEY)))


def test_any_of_several_keys_is_enough() -> None:
    """While a key is replaced, a post signed with the old or the new one passes: keys with commas or line ends between
    them, or PEM blocks one after another. Without the key that signed, it is refused, however many others there are."""
    other, third = text(OTHER.public_key()), pem(OTHER.public_key())
    blocks = third + pem(read_public_key(KEY))
    for keys in (f"{other},{KEY}", f"{KEY}, {other}", f"\n{KEY},\n", f"{other}\n{KEY}\n", f"{other}; {KEY};", blocks):
        check(key=keys)
    for keys in (other, f"{other},{third}"):
        with pytest.raises(NotSigned, match="does not match"):
            check(key=keys)
    with pytest.raises(KeyUnusable):
        read_public_keys(f"{KEY},garbage")


OTHER = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: check(signature=None),
        lambda: check(timestamp=None),
        lambda: check(signature=""),
        lambda: check(signature="not base64 !"),
        lambda: check(signature=base64.b64encode(b"no DER").decode()),
        lambda: check(signature=SIGNATURE[:-8]),
        lambda: check(signature="ä" + SIGNATURE),
        lambda: check(body=BODY.strip()),
        lambda: check(body=BODY.replace(b"dropped", b"bounced")),
        lambda: check(body=b""),
        lambda: check(timestamp="1600112503"),
        lambda: check(timestamp="yesterday"),
        lambda: check(timestamp="١٦٠٠١١٢٥٠٢"),
        lambda: check(signature=base64.b64encode(OTHER.sign(b"x", ec.ECDSA(hashes.SHA256()))).decode()),
    ],
)
def test_anything_else_is_refused(attempt: Callable[[], None]) -> None:
    """Missing headers, garbage, another body, another time and another key are all refused the same way."""
    with pytest.raises(NotSigned):
        attempt()


def test_the_tolerance_covers_a_day_of_retries_and_no_more() -> None:
    """A true signature is taken for 26 hours, and from a clock at most five minutes ahead."""
    signed = float(TIMESTAMP)
    check(now=signed + 26 * HOUR)
    check(now=signed - 300)
    for now in (signed + 26 * HOUR + 1, signed - 301):
        with pytest.raises(NotSigned, match="outside the tolerance"):
            check(now=now)


def test_unusable_keys_are_named() -> None:
    """Garbage, a key of another kind and a key of another curve are refused at start, not at the first post."""
    wrong = [
        "garbage", "", "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----", KEY[:-8],
        text(ec.generate_private_key(ec.SECP384R1()).public_key()),
        text(rsa.generate_private_key(65537, 2048).public_key()),
    ]  # fmt: skip
    for one in wrong:
        with pytest.raises(KeyUnusable):
            read_public_key(one)
