"""Where evidence settles a message: the one move of `message.message` that later stages ask for."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from lifecycle_mail.database import scalar


def settle_by_events(connection: Connection) -> int:
    """Move messages that an event of this ingest step names from claimed, in_doubt or abandoned to accepted.

    The step's messages stand in the temporary table event_folded, made by events in the same transaction.
    Returns the number of messages moved. `accepted_at` becomes the earliest event's time where no time was
    recorded.
    """
    return int(scalar(connection, "messages/settle_by_events"))
