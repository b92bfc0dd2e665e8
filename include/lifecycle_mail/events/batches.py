"""A batch of the events stage that no file brought: what it changes is found by its number, like an ingest's changes."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from lifecycle_mail.database import scalar


def empty_batch(connection: Connection, why: str) -> int:
    """Begin a batch without events, named by `why`; return its number. An undone transaction leaves none."""
    return int(scalar(connection, "events/start_batch", source_name=why, files=0, received=0, rejected=0))
