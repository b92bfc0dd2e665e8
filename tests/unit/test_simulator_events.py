"""Events have SendGrid's fields, and posts are signed and cut as SendGrid's are."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sendgrid import EventWebhook

from sendgrid_simulator.events import Addressee, build_event
from sendgrid_simulator.recipients import Moment
from sendgrid_simulator.webhook import (
    BATCH_BYTES_MAX,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SigningKeyError,
    batches,
    load_signer,
)

WHO = Addressee(
    address="ada@example.com", key="m1", position=3, x_message_id="XBg2anf2TqCy6WXKQFhieQ",
    custom_args={"lm_message_id": "m1", "email": "not this"}, categories=["cart", "reminder"], group_id=101,
    pool="marketing", drop_reason=None, link=(2, "html", "https://x.example.com/1"),
)  # fmt: skip
ALWAYS = {"email", "timestamp", "event", "sg_event_id", "category", "lm_message_id"}
SENT = ALWAYS | {"sg_message_id", "smtp-id", "asm_group_id"}
BOUNCE = {"type", "reason", "status", "bounce_classification", "ip", "tls"}
READ = ALWAYS | {"sg_message_id", "asm_group_id", "ip", "useragent"}


@pytest.mark.parametrize(
    ("kind", "name", "fields"),
    [
        ("processed", "processed", SENT | {"pool"}),
        ("dropped", "dropped", SENT | {"reason", "status"}),
        ("delivered", "delivered", SENT | {"ip", "response", "tls"}),
        ("deferred", "deferred", SENT | {"ip", "response", "attempt", "tls"}),
        ("bounce", "bounce", SENT | BOUNCE),
        ("block", "bounce", SENT | BOUNCE),
        ("expire", "bounce", SENT | BOUNCE),
        ("async_bounce", "bounce", (SENT | BOUNCE) - {"sg_message_id", "smtp-id"}),
        ("open", "open", READ | {"sg_machine_open", "sg_content_type"}),
        ("machine_open", "open", READ | {"sg_machine_open", "sg_content_type"}),
        ("click", "click", READ | {"url", "url_offset", "sg_content_type"}),
        ("spamreport", "spamreport", ALWAYS | {"sg_message_id"}),
        ("unsubscribe", "unsubscribe", ALWAYS | {"sg_message_id"}),
        ("group_unsubscribe", "group_unsubscribe", READ | {"url"}),
    ],
)
def test_each_kind_has_exactly_its_fields(kind: str, name: str, fields: set[str]) -> None:
    """An event carries the fields of SendGrid's table for its kind and no others."""
    event = build_event(7, WHO, Moment(1.0, kind), 1_795_000_000)
    assert event["event"] == name
    assert set(event) == fields


def test_values_are_typed_as_sendgrid_types_them() -> None:
    """Numbers, texts and booleans come as SendGrid sends them; SendGrid's keys win over custom arguments."""
    click = build_event(7, WHO, Moment(1.0, "click"), 1_795_000_000)
    assert (click["email"], click["timestamp"]) == ("ada@example.com", 1_795_000_000)
    assert (click["url"], click["url_offset"]) == ("https://x.example.com/1", {"index": 2, "type": "html"})
    assert click["sg_message_id"].startswith("XBg2anf2TqCy6WXKQFhieQ.")
    assert build_event(7, WHO, Moment(1.0, "deferred", 1), 1)["attempt"] == "2"
    assert build_event(7, WHO, Moment(1.0, "machine_open"), 1)["sg_machine_open"] is True
    assert build_event(7, WHO, Moment(1.0, "open"), 1)["sg_machine_open"] is False
    assert [build_event(7, WHO, Moment(1.0, kind), 1)["type"] for kind in ("bounce", "block", "expire")] == [
        "bounce", "blocked", "expired",
    ]  # fmt: skip


def test_event_ids_tell_events_apart() -> None:
    """Copies of an event share their id; every other event of the request has another."""
    moments = [Moment(1.0, "open"), Moment(1.0, "open", 1), Moment(1.0, "machine_open"), Moment(1.0, "click")]
    ids = [build_event(7, WHO, moment, 1)["sg_event_id"] for moment in moments]
    assert len(set(ids)) == 4
    assert ids == [build_event(9, WHO, moment, 2)["sg_event_id"] for moment in moments]
    assert all(len(one) <= 100 and set(one) <= set(ALPHABET) for one in ids)


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="


def test_batches_stay_under_the_limit_and_lose_nothing() -> None:
    """Posts hold at most 768 kB, are JSON arrays ending in a line break, and together hold every event."""
    events = [json.dumps({"n": n, "pad": "x" * (n * 37 % 3000)}).encode() for n in range(3000)]
    bodies = batches(events)
    assert len(bodies) > 1
    assert all(len(body) <= BATCH_BYTES_MAX and body.endswith(b"]\r\n") for body, _ in bodies)
    assert [one["n"] for body, _ in bodies for one in json.loads(body)] == list(range(3000))
    assert [len(json.loads(body)) for body, _ in bodies] == [count for _, count in bodies]
    assert batches([]) == []


def test_sendgrids_own_helper_accepts_the_signature(tmp_path: Path) -> None:
    """The signature is verified by the sendgrid package, and by it refused for another body."""
    signer = load_signer(tmp_path, None)
    body, _ = batches([b'{"event":"open"}'])[0]
    headers = signer.headers(body, "1795000000")
    helper = EventWebhook(signer.public_key)
    signature, timestamp = headers[SIGNATURE_HEADER], headers[TIMESTAMP_HEADER]
    assert helper.verify_signature(body.decode(), signature, timestamp)
    assert not helper.verify_signature(body.decode().strip(), signature, timestamp)


def test_the_key_is_kept_private_and_used_again(tmp_path: Path) -> None:
    """A second start with the same record folder signs with the same key; only its owner may read it."""
    first = load_signer(tmp_path, None)
    assert load_signer(tmp_path, None).public_key == first.public_key
    assert (tmp_path / "webhook_private_key.pem").stat().st_mode & 0o077 == 0
    assert (tmp_path / "webhook_public_key.txt").read_text().strip() == first.public_key


@pytest.mark.parametrize("content", [b"garbage", None, "p384"])
def test_an_unusable_key_file_is_named(tmp_path: Path, content: bytes | str | None) -> None:
    """A missing file, garbage and a key of another curve are refused with the file's name."""
    path = tmp_path / "key.pem"
    if content == "p384":
        content = ec.generate_private_key(ec.SECP384R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    if isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(SigningKeyError, match=r"key\.pem"):
        load_signer(tmp_path, path)
