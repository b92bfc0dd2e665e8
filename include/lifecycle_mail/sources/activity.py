"""One activity row per customer: last order, view, human open and click; updated from what changed.

Stage 1 of the path. Orders and page views refresh the customers they touch, in the transaction of their
file. `events` calls `record_engagement` in its own transaction. Each of them writes its own columns, in the order
of the customers, so neither undoes the other.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, run, statement
from lifecycle_mail.sources.contract import Feed

_ACTIVE_FEEDS = frozenset({"orders", "page_views"})


def touch_customers(connection: Connection, feed: Feed) -> bool:
    """Record in `touched` whose activity the staged rows will change; return False if `feed` is not activity."""
    if feed.name not in _ACTIVE_FEEDS:
        return False
    run(connection, f"sources/touch_{feed.name}")
    connection.exec_driver_sql("analyze touched")
    return True


def refresh_activity(connection: Connection, feed: Feed) -> None:
    """Recompute the columns of `feed` for the customers in `touched`, and for no others."""
    run(connection, f"sources/refresh_{feed.name}_activity")
    run(connection, "sources/drop_empty_activity")


def record_engagement(connection: Connection, batch_id: int) -> int:
    """Fold the human opens and clicks that ingest `batch_id` wrote to event.engagement into the activity rows.

    A click that turned out to be a machine's is taken back. Returns how many rows changed. Runs in the caller's
    transaction; a repeated call changes nothing.
    """
    changed = run(connection, "sources/record_engagement", batch_id=batch_id).rowcount
    run(connection, "sources/drop_unengaged", batch_id=batch_id)
    return changed


def rebuild_activity(warehouse: Engine) -> int:
    """Recompute every activity row from all facts, for repair; return how many rows were wrong."""
    with warehouse.begin() as connection:
        lock(connection, "load")
        connection.exec_driver_sql("lock table source.customer_activity in exclusive mode")
        full = statement("sources/activity_full").text
        connection.exec_driver_sql(f"create temporary table activity_full on commit drop as {full}")
        gone = run(connection, "sources/drop_unfounded_activity").rowcount
        return gone + run(connection, "sources/correct_activity").rowcount
