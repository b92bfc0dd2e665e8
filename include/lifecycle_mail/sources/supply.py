"""What each customer has at home of consumables, kept from what changed: source.supply.

Stage 1 of the path, beside the activity row. Triggers note in source.supply_change whose purchases a
statement changed, whoever wrote it; a load settles the notes before it ends. Until then readers take the
noted customers from the facts, so nothing is wrong in between, only slower.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, refresh_statistics, run, scalar

# Up to so many customers, or this share of all, each is looked up; else one pass over every order is cheaper.
_FEW, _FEW_RATIO = 1_000, 0.05


def settle_supplies(connection: Connection) -> int:
    """Reckon the supplies of the noted customers anew, and of no one else; return how many rows changed.

    Runs in the caller's transaction. Two at once wait for each other; a second time changes nothing.
    """
    lock(connection, "supply")
    run(connection, "sources/create_supply_touched")
    touched = run(connection, "sources/take_supply_changes").rowcount
    if not touched:
        return 0
    customers = float(scalar(connection, "sources/table_size", table="source.customer"))
    return _write(connection, "few" if touched <= max(_FEW, _FEW_RATIO * customers) else "many")


def rebuild_supplies(warehouse: Engine) -> int:
    """Recompute every supply from all facts, for repair; return how many rows were wrong."""
    with warehouse.begin() as connection:
        lock(connection, "load")
        lock(connection, "supply")
        run(connection, "sources/create_supply_touched")
        run(connection, "sources/take_supply_changes")
        run(connection, "sources/touch_all_supplies")
        return _write(connection, "many")


def _write(connection: Connection, how_many: str) -> int:
    """Bring the rows of the customers in supply_touched to what their facts tell; return how many changed."""
    connection.exec_driver_sql("analyze supply_touched")
    run(connection, f"sources/supply_of_{how_many}")
    connection.exec_driver_sql("analyze supply_now")
    gone = run(connection, "sources/drop_former_supply").rowcount
    written = run(connection, "sources/write_supply").rowcount
    refresh_statistics(connection, "source.supply", written)
    return gone + written
