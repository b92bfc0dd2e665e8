"""One warehouse for all examples of a property: emptied, not cloned, between two of them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Engine

STAGES = ("source", "segment", "journey", "decision", "message", "delivery", "event", "kpi")
TABLES = """
select string_agg(format('%I.%I', pg_namespace.nspname, pg_class.relname), ', ')
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where pg_class.relkind in ('r', 'p') and not pg_class.relispartition and pg_namespace.nspname = any(:stages)
"""


def empty(warehouse: Engine) -> None:
    """Remove every row of the eight stages. What the installation knows (topics, migrations) stays."""
    with warehouse.begin() as connection:
        tables = connection.execute(sa.text(TABLES), {"stages": list(STAGES)}).scalar_one()
        connection.exec_driver_sql(f"truncate {tables} restart identity cascade")
