"""PostgreSQL's own samples of what is stored: an erasure takes a person out of them, too.

Apart from the path. The planner's statistics keep common and evenly spaced values of every column, readable in
pg_stats, until the table is analyzed again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError

from lifecycle_mail.database import run

logger = logging.getLogger(__name__)

CLEARS_SINCE = (18,)  # PostgreSQL's version that lets a table's owner drop its statistics


def forget(connection: Connection, words: Iterable[str]) -> list[str]:
    """Analyze again every table whose statistics show one of these words (lower case); return the tables.

    Call it in the transaction that changed the tables, after the changes: the samples then hold what is left.
    """
    said = sorted({word for word in words if word})
    tables = list(run(connection, "installation/tables_showing", words=said).scalars()) if said else []
    for table in tables:
        connection.exec_driver_sql(f"analyze {table}")
    # Analyzing a table that has become empty leaves its statistics as they were.
    for table in run(connection, "installation/tables_showing", words=said).scalars().all() if tables else []:
        _clear(connection, table)
    return tables


def _clear(connection: Connection, table: str) -> None:
    version = connection.dialect.server_version_info or ()
    try:
        with connection.begin_nested():
            name = "clear_statistics" if version >= CLEARS_SINCE else "delete_statistics"
            run(connection, f"installation/{name}", name=table)
    except ProgrammingError:
        logger.warning("the statistics of the empty table %s stay until it has rows again and is analyzed", table)
