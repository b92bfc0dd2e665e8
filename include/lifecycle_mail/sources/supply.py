"""Each customer's stock of consumables at home, updated from what changed: source.supply.

Stage 1 of the path. Triggers record in source.supply_change whose purchases a statement changed, in whichever session
it ran. A load settles these notes before it ends. Until then readers compute the stock of the noted customers from the
facts. So the result is right in between too, only slower.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, refresh_statistics, run, scalar

# Up to this many customers, or this share of all, are looked up one by one. For more, a pass over all orders is
# cheaper.
_FEW, _FEW_RATIO = 1_000, 0.05


def settle_supplies(connection: Connection) -> int:
    """Compute the supplies of the noted customers again, and of no others; return how many rows changed.

    Runs in the caller's transaction. Two calls at once wait for each other; a repeated call changes nothing.
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
    """Bring the rows of the customers in supply_touched up to date with their facts; return how many changed."""
    connection.exec_driver_sql("analyze supply_touched")
    run(connection, f"sources/supply_of_{how_many}")
    connection.exec_driver_sql("analyze supply_now")
    gone = run(connection, "sources/drop_former_supply").rowcount
    written = run(connection, "sources/write_supply").rowcount
    refresh_statistics(connection, "source.supply", written)
    return gone + written
