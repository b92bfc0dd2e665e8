"""Who clicked: the clicks of a mail → a person's, a machine's, or doubtful; folded to the mail's first and last ones.

Part of the events stage. A step of an ingest judges the mails that it touched. Orders and page views come with loads,
before or after the clicks. So mails with clicks that only these can confirm are judged again after each ingest and
before a roll-up. The judgement is always made of everything that is known, so the order does not matter.
docs/decisions/0057 says what is a machine.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import is_locked, lock_part, run
from lifecycle_mail.events.batches import empty_batch
from lifecycle_mail.sources import record_engagement

CONFIRMED_WITHIN_DAYS = 30  # orders and page views that a load brings later decide only in a full roll-up


def fold_clicks(connection: Connection, batch_id: int) -> None:
    """Keep the step's clicks, and judge the mails that they, or its deliveries, are about. Call it after the fold of
    first facts, within the step's transaction."""
    run(connection, "events/insert_clicks")
    run(connection, "events/create_clicked")
    _judge(connection, batch_id)


def settle_clicks(engine: Engine, *, full: bool = False) -> int:
    """Judge mails with clicks in doubt again, from the orders and page views known now; return how many changed.

    With `full` all such mails, else those of the last CONFIRMED_WITHIN_DAYS. Leaves them to a running ingest.
    """
    with engine.begin() as connection:
        return 0 if is_locked(connection, "ingest") else _settle(connection, full)


def settle_within_ingest(engine: Engine) -> int:
    """Do the same for a caller who holds the lock "ingest"."""
    with engine.begin() as connection:
        lock_part(connection, "ingest")
        return _settle(connection, False)


def _settle(connection: Connection, full: bool) -> int:
    run(connection, "events/create_clicked_again", within_days=None if full else CONFIRMED_WITHIN_DAYS)
    batch_id = empty_batch(connection, "clicks in doubt")
    changed = _judge(connection, batch_id)
    if changed:
        record_engagement(connection, batch_id)
    else:
        run(connection, "events/forget_batch", batch_id=batch_id)
    return changed


def _judge(connection: Connection, batch_id: int) -> int:
    connection.exec_driver_sql("analyze event_clicked")
    run(connection, "events/create_click_judged")
    connection.exec_driver_sql("analyze event_click_judged")
    run(connection, "events/mark_clicks")
    return run(connection, "events/fold_clicks", batch_id=batch_id).rowcount
