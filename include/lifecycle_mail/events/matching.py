"""Events without our ids → the mails that they are about, so that numbers and breakers see a late bounce.

Part of the events stage. A bounce that a mail server reports late comes without custom arguments, and mostly without
sg_message_id. Such an event proves nothing about a mail whose acceptance is not known: it waits until that is known.
docs/decisions/0056 says how a mail is found.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock_part, run
from lifecycle_mail.events.batches import empty_batch
from lifecycle_mail.events.clicks import fold_clicks
from lifecycle_mail.sources import record_engagement


def match_staged(connection: Connection) -> None:
    """Give the step's staged events without our ids their mails. Call it after what the step's events say against mail
    was kept: who spoke is known only from our own ids."""
    if run(connection, "events/create_lost").rowcount:
        _match(connection)
        run(connection, "events/match_staged")
        run(connection, "events/keep_unmatched")


def match_waiting(engine: Engine) -> None:
    """Look again for the mails of events that waited. The caller holds the lock "ingest"."""
    with engine.begin() as connection:
        lock_part(connection, "ingest")
        if not run(connection, "events/create_lost_again").rowcount:
            return
        _match(connection)
        run(connection, "events/create_staging")
        if run(connection, "events/stage_matched").rowcount:
            batch_id = empty_batch(connection, "events that waited for their mail")
            fold_mails(connection, batch_id)
            record_engagement(connection, batch_id)
        run(connection, "events/forget_unmatched")


def fold_mails(connection: Connection, batch_id: int) -> None:
    """Fold the staged events to what is known of their mails."""
    run(connection, "events/create_folded")
    run(connection, "events/fold_engagement", batch_id=batch_id)
    fold_clicks(connection, batch_id)


def _match(connection: Connection) -> None:
    connection.exec_driver_sql("analyze event_lost")
    run(connection, "events/create_matched")
