"""Signed posts to the event collector: batches, disorder, duplicates, retries.

Last stop of an event. Signs the way Twilio does: ECDSA P-256 over the timestamp header followed by the
raw body. Every non-2xx answer is retried with the same bytes, signature and timestamp after growing
intervals, for up to 24 hours.
"""

import asyncio
import base64
import os
import random
import time
from collections.abc import Iterable
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
BATCH_BYTES_MAX = 768_000
GIVE_UP_AFTER_SECONDS = 24 * 3600
LONGEST_RETRY_SECONDS = 600


class SigningKeyError(Exception):
    """The private key file cannot be used; the message says which file and why."""


class Signer:
    """Holds the webhook's private key and signs bodies with it."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.public_key = base64.b64encode(der).decode()

    def headers(self, body: bytes, timestamp: str) -> dict[str, str]:
        """Return the headers of one post; `timestamp` is unix seconds as text."""
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            "Content-Type": "application/json",
            SIGNATURE_HEADER: base64.b64encode(signature).decode(),
            TIMESTAMP_HEADER: timestamp,
        }


def load_signer(record_folder: Path, private_key_file: Path | None) -> Signer:
    """Return the signer of the given file, or of the record folder's own key, which is made if it is missing.

    Raises: SigningKeyError for a file that is missing or holds no P-256 private key in PEM.
    """
    path = private_key_file or record_folder / "webhook_private_key.pem"
    if private_key_file is None and not path.exists():
        _make_key(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SigningKeyError(f"cannot read the webhook's private key {path}: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SigningKeyError(f"{path} holds no P-256 private key; make one with openssl ecparam -name prime256v1")
    signer = Signer(key)
    (record_folder / "webhook_public_key.txt").write_text(signer.public_key + "\n")
    return signer


def _make_key(path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)


def batches(events: Iterable[bytes], limit: int = BATCH_BYTES_MAX) -> list[tuple[bytes, int]]:
    """Join encoded events to JSON arrays of at most `limit` bytes; returns (body, number of events).

    Written as SendGrid writes them: a line break after each event and one at the end of the body.
    """
    bodies: list[tuple[bytes, int]] = []
    current: list[bytes] = []
    size = 4
    for event in events:
        if current and size + len(event) + 3 > limit:
            bodies.append((b"[" + b",\r\n".join(current) + b"]\r\n", len(current)))
            current, size = [], 4
        current.append(event)
        size += len(event) + 3
    if current:
        bodies.append((b"[" + b",\r\n".join(current) + b"]\r\n", len(current)))
    return bodies


class Webhook:
    """Posts batches to `url`; `posted` counts acknowledged events, `waiting` those not yet acknowledged."""

    def __init__(
        self, url: str, signer: Signer, retry_seconds: float = 0.5, batch_bytes: int = BATCH_BYTES_MAX
    ) -> None:
        self.url = url
        self.posted = 0
        self.waiting = 0
        self.refused = 0
        """Answers other than 2xx, and connections that failed."""
        self.lost = 0
        self._signer = signer
        self._retry_seconds = retry_seconds
        self._batch_bytes = batch_bytes
        self._client = httpx.AsyncClient(timeout=10, trust_env=False)
        self._lanes = asyncio.Semaphore(4)
        self._tasks: set[asyncio.Task[None]] = set()

    def post(self, events: list[bytes]) -> None:
        """Queue encoded events for posting; returns at once."""
        for body, count in batches(events, self._batch_bytes):
            self.waiting += count
            task = asyncio.create_task(self._deliver(body, count))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self, grace_seconds: float = 3.0) -> None:
        """Give the posts under way a short time, then let go of them."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        for task in self._tasks:
            task.cancel()
        await self._client.aclose()

    async def _deliver(self, body: bytes, count: int) -> None:
        headers = self._signer.headers(body, str(int(time.time())))
        started, pause = time.monotonic(), self._retry_seconds
        while not await self._try(body, headers):
            if time.monotonic() - started > GIVE_UP_AFTER_SECONDS:
                self.lost += count
                break
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, LONGEST_RETRY_SECONDS)
        else:
            self.posted += count
        self.waiting -= count

    async def _try(self, body: bytes, headers: dict[str, str]) -> bool:
        async with self._lanes:
            try:
                answer = await self._client.post(self.url, content=body, headers=headers)
            except httpx.HTTPError:
                self.refused += 1
                return False
        if not answer.is_success:
            self.refused += 1
        return answer.is_success
