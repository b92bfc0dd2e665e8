"""Posts signed batches of events to a collector, as the provider would, and as it would not."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import httpx
import orjson

from sendgrid_simulator.webhook import BATCH_BYTES_MAX, Signer, batches, load_signer


def signer_of(record: Path) -> Signer:
    """The signer whose key the simulator of this record folder made."""
    return load_signer(record, None)


def post(url: str, signer: Signer, body: bytes, age_seconds: float = 0.0) -> httpx.Response:
    """Post one body, signed `age_seconds` ago."""
    headers = signer.headers(body, str(int(time.time() - age_seconds)))
    return httpx.post(f"{url}/events", content=body, headers=headers, timeout=30, trust_env=False)


def post_all(
    url: str, signer: Signer, events: Sequence[bytes], batch_bytes: int = BATCH_BYTES_MAX, age_seconds: float = 0.0
) -> int:
    """Post encoded events in batches; return the size of the largest body. Each is acknowledged."""
    bodies = [body for body, _ in batches(events, batch_bytes)]
    for body in bodies:
        assert post(url, signer, body, age_seconds).status_code == 200
    return max(len(body) for body in bodies)


def processed_events(message_ids: Iterable[str], epoch: int) -> list[bytes]:
    """The event that says the provider took a mail, for each message id."""
    return [
        orjson.dumps({
            "email": "somebody@example.com", "event": "processed", "timestamp": epoch,
            "sg_event_id": f"processed-{message_id}", "sg_message_id": f"x-{message_id}", "lm_message_id": message_id,
        })
        for message_id in message_ids
    ]  # fmt: skip
