"""Read a SQL feed: a select over tables the warehouse already has, in a read-only session of its own.

Stage 1 of the path.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg2
from psycopg2.extensions import connection as Psycopg2Connection
from sqlalchemy.engine import Engine

from lifecycle_mail.sources.contract import Feed
from lifecycle_mail.sources.rows import CHUNK_ROWS, Chunks, FileRefused, TypedRows, place_columns


def read_query(warehouse: Engine, query: str, feed: Feed) -> Chunks:
    """Yield the rows of `query` in chunks; their lines are row numbers from 1, their texts JSON objects.

    Raises:
        FileRefused: the select fails (only its SQLSTATE is told: a message may quote a row), or its columns
            are not the feed's.
    """
    with _reading(warehouse, query) as cursor:
        batch = cursor.fetchmany(CHUNK_ROWS)
        names = [column.name for column in cursor.description]
        _, unknown = place_columns(feed, names)
        line = 1
        while batch:
            rows = TypedRows(feed.columns)
            rows.notice(unknown)
            for number, values in enumerate(batch, start=line):
                row = dict(zip(names, values, strict=True))
                rows.add(number, orjson.dumps(row, default=str).decode(), row)
            yield rows.chunk()
            line += len(batch)
            batch = cursor.fetchmany(CHUNK_ROWS)


@contextmanager
def _reading(warehouse: Engine, query: str) -> Iterator[Any]:
    """A server-side cursor over `query`, so that a table of any size is read in constant memory."""
    pooled = warehouse.raw_connection()
    session: Psycopg2Connection = pooled.driver_connection  # type: ignore[assignment]
    try:
        # Of the session, not of one transaction: a commit inside the file must not open the way to write.
        _set_transactions(session, "read only")
        cursor = session.cursor(name="feed")
        cursor.execute(query.strip().rstrip(";"))
        yield cursor
    except psycopg2.Error as error:
        raise FileRefused("query_failed", f"SQLSTATE {error.pgcode}") from None
    finally:
        session.rollback()
        _set_transactions(session, "read write")
        pooled.close()


def _set_transactions(session: Psycopg2Connection, mode: str) -> None:
    with session.cursor() as cursor:
        cursor.execute(f"set session characteristics as transaction {mode}")
    session.commit()
