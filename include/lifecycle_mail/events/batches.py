"""A batch of the events stage that no file brought: its number marks what it changes, as an ingest's does."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from lifecycle_mail.database import scalar


def empty_batch(connection: Connection, why: str) -> int:
    """Begin a batch without events, named by `why`; return its number. An undone transaction leaves none."""
    return int(scalar(connection, "events/start_batch", source_name=why, files=0, received=0, rejected=0))
