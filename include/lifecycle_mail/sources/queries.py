"""Read a SQL feed: a select over tables the warehouse already has, in a read-only session of its own.

Stage 1 of the path.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg2
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
    raw = warehouse.raw_connection()
    try:
        raw.driver_connection.set_session(readonly=True)  # type: ignore[union-attr]
        cursor = raw.driver_connection.cursor(name="feed")  # type: ignore[union-attr]
        cursor.execute(query.strip().rstrip(";"))
        yield cursor
    except psycopg2.Error as error:
        raise FileRefused("query_failed", f"SQLSTATE {error.pgcode}") from None
    finally:
        raw.rollback()
        raw.driver_connection.set_session(readonly=False)  # type: ignore[union-attr]
        raw.close()
