"""Read a SQL feed: one select of the repository over tables that the warehouse already has.

Stage 1 of the path. source.read_feed runs the text as one statement with its owner's rights, and the text cannot get
any others. The transaction is read-only, and its connection is closed afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult, Engine

from lifecycle_mail.database import SQL_FOLDER, run
from lifecycle_mail.schema import READER
from lifecycle_mail.sources.contract import Feed
from lifecycle_mail.sources.feeds import feeds
from lifecycle_mail.sources.rows import CHUNK_ROWS, Chunks, FileRefused, RefusedRow, TypedRows, place_columns

SQL_FEEDS_FOLDER = SQL_FOLDER / "feeds"
FEED_SECONDS = 1800

_SINCE = re.compile(r"(?<![:\w]):since\b")
_SAYS = {
    "0A000": "a SQL feed must be one select",
    "25006": "a SQL feed must not change anything",
    "42501": f"{READER} lacks a right to something that the select names: grant it select, and usage of the schema",
    "42P01": "a table does not exist: write its schema before its name",
    "42P11": "a SQL feed must be one select",
    "57014": "the select was cancelled, or took too long",
}


@dataclass(frozen=True)
class SqlFeed:
    """A feed's select, a file `<feed>.sql` of the repository."""

    feed: Feed
    path: Path

    @property
    def name(self) -> str:
        """The name used for this feed in reports and in source.rejected; no file of a folder has such a name."""
        return f"sql/feeds/{self.path.name}"

    def expected_rows(self) -> None:
        """Return None: the number of a select's rows is known only at its end."""

    def query(self) -> str:
        """Return the select, without comment lines, with $1 in place of `:since`.

        Raises:
            FileRefused: it is not UTF-8.
            OSError: the file cannot be read.
        """
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise FileRefused("wrong_encoding", "the file is not UTF-8 text") from None
        return _SINCE.sub("$1", "\n".join(line for line in lines if not line.lstrip().startswith("--")))


def sql_feeds(folder: Path) -> tuple[list[SqlFeed], list[str]]:
    """Return the SQL feeds of `folder`, and the names of other SQL files. A missing folder has no feeds."""
    files = sorted(folder.glob("*.sql"))
    known = [SqlFeed(feeds()[path.stem], path) for path in files if path.stem in feeds()]
    return known, [path.name for path in files if path.stem not in feeds()]


def reader_warnings(connection: Connection) -> list[str]:
    """Return a warning if SQL feeds are read with other rights than those of the role that can only select."""
    reader = run(connection, "sources/feed_reader").one().reader
    if reader == READER:
        return []
    return [
        f"SQL feeds are read with the rights of {reader}: the role {READER} is missing, because the user of "
        "`migrate` may not create roles. docs/runbook.md, SQL feeds, says how to create it"
    ]


def read_query(warehouse: Engine, query: str, feed: Feed, seconds: int = FEED_SECONDS) -> Chunks:
    """Yield the rows of `query` in chunks; their lines are row numbers from 1, their texts JSON objects.

    In `query`, $1 is the start of the feed's last load. `seconds` is the time limit of the query.

    Raises:
        FileRefused: it is not one select, it fails (the detail has its SQLSTATE alone, because a message may quote a
            row), or its columns are not the feed's (an empty result has none).
    """
    rows = TypedRows(feed)
    with _reading(warehouse, query, feed, seconds) as found:
        for number, text in enumerate(found.scalars(), start=1):
            if number == 1:
                rows.notice(_unknown_columns(feed, text))
            _take_row(rows, number, text)
            if len(rows) == CHUNK_ROWS:
                yield rows.chunk()
    if len(rows):
        yield rows.chunk()


@contextmanager
def _reading(warehouse: Engine, query: str, feed: Feed, seconds: int) -> Iterator[CursorResult[Any]]:
    """Give a server-side cursor, so that a table of any size is read in constant memory."""
    try:
        with warehouse.connect() as connection:
            connection.execution_options(postgresql_readonly=True)
            connection.detach()  # closed at the end, so that no lock and no setting of the text outlives it
            _require_safe_reader(connection)
            run(connection, "sources/limit_feed", seconds=seconds)
            connection.execution_options(yield_per=CHUNK_ROWS)
            yield run(connection, "sources/read_feed", query=query, feed=feed.name)
    except sa.exc.DBAPIError as error:
        code = getattr(error.orig, "pgcode", None)
        if code is None:
            raise  # the connection is gone, which is not the feed's fault
        raise FileRefused("query_failed", ": ".join(filter(None, (f"SQLSTATE {code}", _SAYS.get(code))))) from None


def _require_safe_reader(connection: Connection) -> None:
    if run(connection, "sources/feed_reader").one().is_superuser:
        raise FileRefused(
            "unsafe_reader", f"source.read_feed belongs to a superuser: make {READER} its owner (docs/runbook.md)"
        )


def _unknown_columns(feed: Feed, text: str) -> frozenset[str]:
    _, unknown = place_columns(feed, [name for name, _ in json.loads(text, object_pairs_hook=list)])
    return unknown


def _take_row(rows: TypedRows, line: int, text: str) -> None:
    try:
        row = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        rows.refuse(RefusedRow(line, "broken_json", "a number too long, or a value nested too deeply", text))
    else:
        rows.add(line, text, row)
