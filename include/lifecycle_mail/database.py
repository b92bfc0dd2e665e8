"""The warehouse: one engine, named SQL statements, COPY and locks. Below every stage.

SQL lives in include/sql/<stage>/<name>.sql, one statement a file, and is found from this file's own
place, never from the working directory. Sessions run in UTC.

Rows are people. Neither an error of the database nor a log at any level quotes what was written or read:
parameters are hidden, the server's details are cut off, rows are not logged.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import IO, Any, cast

import orjson
import psycopg2
import sqlalchemy as sa
from psycopg2.extensions import connection as Psycopg2Connection
from sqlalchemy.engine import Connection, CursorResult, Engine, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from lifecycle_mail.errors import DatabaseUnavailable, SettingsError
from lifecycle_mail.settings import INCLUDE

SQL_FOLDER = INCLUDE / "sql"
logger = logging.getLogger(__name__)

ANALYZE_FROM_ROWS = 1000  # below, plans made by old statistics do no harm
BRIEFLY_MORE = 10  # connections beside those an engine keeps open
# Of a session that makes temporary tables, and only what they fill: by the server's 8 MB a step of events or of a
# roll-up is written to disk and read back again and again.
TEMPORARY_MEGABYTES = 128

LOG_NAME = "lifecycle_mail"
_QUOTED = re.compile(r'".*"', re.DOTALL)
_DATA_EXCEPTION = "22"  # the class of SQLSTATEs whose messages quote the value that was refused


def _shows_no_row(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(("Row ", "Col "))


# SQLAlchemy hides parameters at our wish, and at DEBUG writes every row it reads whatever we wish.
logging.getLogger(f"sqlalchemy.engine.Engine.{LOG_NAME}").addFilter(_shows_no_row)


def engine(database_url: str, *, connections: int = 5, connect_seconds: int = 10) -> Engine:
    """Return an engine on `database_url`: psycopg2, UTC sessions.

    It keeps up to `connections` open; BRIEFLY_MORE more are opened while all are in use, and closed after it.

    Raises:
        SettingsError: the address is not a PostgreSQL one.
    """
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        raise SettingsError("LIFECYCLE_DATABASE_URL is no database address: write postgresql://…") from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise SettingsError("LIFECYCLE_DATABASE_URL is not PostgreSQL: write postgresql://…")
    try:
        made = sa.create_engine(
            url.set(drivername="postgresql+psycopg2"),
            pool_size=connections,
            max_overflow=BRIEFLY_MORE,
            pool_pre_ping=True,
            hide_parameters=True,
            logging_name=LOG_NAME,
            json_serializer=_to_json,
            json_deserializer=orjson.loads,
            connect_args={
                "options": f"-c timezone=UTC -c temp_buffers={TEMPORARY_MEGABYTES}MB",
                "application_name": "lifecycle_mail",
                "connect_timeout": connect_seconds,
            },
        )
    except NoSuchModuleError:
        raise SettingsError("LIFECYCLE_DATABASE_URL is not PostgreSQL: write postgresql://…") from None
    sa.event.listen(made, "handle_error", _withhold_values)
    return made


def _withhold_values(context: ExceptionContext) -> None:
    """Cut what the server quotes of a row out of an error, before anybody can print it."""
    if isinstance(context.original_exception, psycopg2.Error):
        text = without_values(context.original_exception)
        context.original_exception.args = (text,)
        if context.sqlalchemy_exception is not None:
            kind = type(context.original_exception)
            context.sqlalchemy_exception.args = (f"({kind.__module__}.{kind.__name__}) {text}",)


def without_values(error: psycopg2.Error) -> str:
    """Return what the server says was wrong, without DETAIL, CONTEXT and LINE, which quote rows."""
    said = error.diag.message_primary
    if not said:
        return str(error)  # not of the server: a connection that was refused or lost
    if (error.pgcode or "").startswith(_DATA_EXCEPTION):
        said = _QUOTED.sub("<value>", said)
    return f"{said} (SQLSTATE {error.pgcode})"


def _to_json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()


def require_reachable(warehouse: Engine) -> None:
    """Connect once.

    Raises:
        DatabaseUnavailable: with host and database, never with the password.
    """
    try:
        with warehouse.connect():
            pass
    except OperationalError as error:
        where = f"{warehouse.url.host or 'local socket'}, database {warehouse.url.database}"
        reason = str(error.orig).strip().splitlines()[-1] if error.orig else "no answer"
        raise DatabaseUnavailable(
            f"cannot reach the warehouse ({where}): {reason}. Is PostgreSQL running, "
            "and LIFECYCLE_DATABASE_URL right?"
        ) from None


@cache
def statement(name: str) -> sa.TextClause:
    """Return the statement of include/sql/`name`.sql (for example ``segments/inactive``).

    Comment lines are left out: a parameter's name in a comment must not become a place for its value.
    """
    lines = (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return sa.text("\n".join(line for line in lines if not line.lstrip().startswith("--")))


def run(connection: Connection, name: str, /, **parameters: Any) -> CursorResult[Any]:
    """Execute the named statement; parameters it does not bind are refused by the database layer."""
    return connection.execute(statement(name), parameters)


def run_given(connection: Connection, name: str, given: Mapping[str, Any], /) -> CursorResult[Any]:
    """Execute the named statement with what it binds of `given`."""
    bound = statement(name).compile().params
    return connection.execute(statement(name), {key: given[key] for key in bound})


@cache
def _composed(name: str, relation: str, files: tuple[str, ...]) -> sa.TextClause:
    rows = "\nunion all\n".join(statement(file).text for file in files)
    text, count = re.subn(rf"\b{relation}\b", lambda match: f"(\n{rows}\n)", statement(name).text)
    assert count == 1, f"{name} names {relation} {count} times"
    return sa.text(text)


def run_with(
    connection: Connection, name: str, relation: str, files: tuple[str, ...], /, **parameters: Any
) -> CursorResult[Any]:
    """Execute the named statement, in which `relation` stands for the rows of all `files` together (`words`)."""
    return connection.execute(_composed(name, relation, files), parameters)


def scalar(connection: Connection, name: str, /, **parameters: Any) -> Any:
    """Execute the named statement and return its one value."""
    return run(connection, name, **parameters).scalar_one()


def execute_script(connection: Connection, script: str) -> None:
    """Execute the statements of `script`, which takes no parameters: % and : stay as they are."""
    with raw_cursor(connection) as cursor:
        cursor.execute(script)


def bigints(values: Iterable[int]) -> str:
    """Return numbers as PostgreSQL writes an array of them: of a list the driver asks each value for its own text."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Iterable[str | None]) -> str:
    """Return strings as PostgreSQL writes text[]; None is null."""
    return "{" + ",".join(["null" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def copy_in(connection: Connection, table: str, columns: Sequence[str], stream: IO[Any]) -> int:
    """COPY the CSV text of `stream` (no header, empty unquoted = null) into `table`; return the row count.

    `table` and `columns` are names from this code, never user text.
    """
    with raw_cursor(connection) as cursor:
        cursor.copy_expert(f"copy {table} ({', '.join(columns)}) from stdin with (format csv)", stream)
        return int(cursor.rowcount)


@contextmanager
def raw_cursor(connection: Connection) -> Iterator[Any]:
    """Give psycopg2's cursor within the transaction of `connection`; its errors quote no row either."""
    raw: Psycopg2Connection = connection.connection.driver_connection  # type: ignore[assignment]
    try:
        with raw.cursor() as cursor:
            yield cursor
    except psycopg2.Error as error:
        error.args = (without_values(error),)
        raise


def refresh_statistics(connection: Connection, table: str, changed_rows: int) -> None:
    """Analyze `table` where `changed_rows` are many of it: the next statement of the run plans by them.

    Autovacuum would come a minute later; until then a million fresh rows are planned as if they were a few.
    `table` is a name from this code.
    """
    if changed_rows < ANALYZE_FROM_ROWS:
        return
    known = connection.execute(
        sa.text("select coalesce(sum(greatest(reltuples, 0)), 0) from pg_class where relkind <> 'p' and"
                " (oid = cast(:table as regclass)"
                " or oid in (select relid from pg_partition_tree(cast(:table as regclass))))"),
        {"table": table},
    ).scalar_one()  # fmt: skip
    if changed_rows > 0.1 * float(known):
        connection.exec_driver_sql(f"analyze {table}")


def lock(connection: Connection, name: str) -> None:
    """Hold the advisory lock `name` until this transaction ends; waits for another holder.

    The lock of a holder that was killed ends at once, while the database may still be committing what it did in
    parts: those are waited for too.
    """
    connection.execute(
        sa.text("select pg_advisory_xact_lock(:key), pg_advisory_lock(:parts), pg_advisory_unlock(:parts)"),
        {"key": _lock_key(name), "parts": _lock_key(f"{name}/parts")},
    )


def lock_part(connection: Connection, name: str) -> None:
    """Make the next holder of `name` wait for this transaction, which works for the present one."""
    connection.execute(sa.text("select pg_advisory_xact_lock_shared(:key)"), {"key": _lock_key(f"{name}/parts")})


@contextmanager
def session_lock(connection: Connection, name: str) -> Iterator[None]:
    """Hold the advisory lock `name` (the one `lock` takes) over several transactions of `connection`.

    It ends with the block, or with the connection if the process dies.
    """
    with connection.begin():
        connection.execute(sa.text("select pg_advisory_lock(:key)"), {"key": _lock_key(name)})
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.rollback()
            with connection.begin():
                connection.execute(sa.text("select pg_advisory_unlock(:key)"), {"key": _lock_key(name)})


def _lock_key(name: str) -> int:
    digest = hashlib.blake2b(f"lifecycle_mail:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class Rehearsal:
    """Stands in for an engine: every transaction is a savepoint of one that is rolled back at the end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Like Engine.begin, within the rehearsal."""
        with self._connection.begin_nested():
            yield self._connection

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Like Engine.connect, within the rehearsal."""
        yield self._connection


@contextmanager
def rehearsal(warehouse: Engine) -> Iterator[Engine]:
    """Give something that works like `warehouse`, and keep nothing of what is done with it."""
    with warehouse.connect() as connection, connection.begin() as transaction:
        yield cast(Engine, Rehearsal(connection))
        transaction.rollback()
