"""How evidence settles a message: the one change of `message.message` that later stages ask for."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from lifecycle_mail.database import scalar


def settle_by_events(connection: Connection) -> int:
    """Move messages that an event of this ingest step names from claimed, in_doubt or abandoned to accepted.

    The step's messages are in the temporary table event_folded, which events made in the same transaction.
    Returns the number of messages moved. If a message has no `accepted_at`, it gets the earliest event's time.
    """
    return int(scalar(connection, "messages/settle_by_events"))
