"""PostgreSQL's own samples of what is stored: an erasure takes a person out of them, too.

Beside the path. The planner's statistics keep common and evenly spaced values of every column, readable in pg_stats,
until the table is analyzed again.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.engine import Connection

from lifecycle_mail.database import run


def forget(connection: Connection, words: Iterable[str]) -> list[str]:
    """Analyze again every table whose statistics show one of these words (lower case); return the tables.

    Call it in the transaction that changed the tables, after the changes: the samples then hold what is left.
    """
    said = sorted({word for word in words if word})
    tables = list(run(connection, "installation/tables_showing", words=said).scalars()) if said else []
    for table in tables:
        connection.exec_driver_sql(f"analyze {table}")
    return tables
