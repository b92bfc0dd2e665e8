"""The warehouse: one engine, named SQL statements, COPY and locks. Below every stage.

Each SQL statement is a file include/sql/<stage>/<name>.sql. It is found relative to this file, never to the working
directory. Sessions run in UTC.

Rows are people. No database error and no log, at any level, quotes what was written or read: parameters are hidden, the
server's details are cut off, and rows are not logged. An error says in which file and line the server found it.
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
from sqlalchemy.engine import Connection, CursorResult, Engine, ExceptionContext, Transaction, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from lifecycle_mail.errors import DatabaseUnavailable, SettingsError
from lifecycle_mail.settings import INCLUDE

SQL_FOLDER = INCLUDE / "sql"
logger = logging.getLogger(__name__)

ANALYZE_FROM_ROWS = 1000  # with fewer rows, plans made from old statistics do no harm
BRIEFLY_MORE = 10  # connections in addition to those an engine keeps open
# Memory of a session for its temporary tables; only sessions that make some use it. With the server's default of 8 MB,
# a step of events or a roll-up would be written to disk and read back again and again.
TEMPORARY_MEGABYTES = 128

LOG_NAME = "lifecycle_mail"
_QUOTED = re.compile(r'".*"', re.DOTALL)
_DATA_EXCEPTION = "22"  # the class of SQLSTATEs whose messages quote the value that was refused
_LITERAL = re.compile(r"""near "[^"]*'.*"$""", re.DOTALL)  # a syntax error quotes what stands at it
# A statement's text begins and ends with a comment, so that it is known again inside of another statement.
_BEGIN, _END = "/*< {} */", "/*> */"
_MARK = re.compile(r"/\*(?:< (\S+)|>) \*/")


def _shows_no_row(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(("Row ", "Col "))


# SQLAlchemy hides parameters on request, but at DEBUG it writes every row it reads in any case.
logging.getLogger(f"sqlalchemy.engine.Engine.{LOG_NAME}").addFilter(_shows_no_row)


def engine(database_url: str, *, connections: int = 5, connect_seconds: int = 10) -> Engine:
    """Return an engine on `database_url`: psycopg2, UTC sessions.

    The engine keeps up to `connections` open. While all are in use it opens up to BRIEFLY_MORE more, which it closes
    after use.

    Raises:
        SettingsError: the address is not one of PostgreSQL.
    """
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        raise SettingsError("LIFECYCLE_DATABASE_URL is not a database address: write postgresql://…") from None
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
    """Remove what the server quotes of a row from an error before anything prints the error."""
    if isinstance(context.original_exception, psycopg2.Error):
        text = without_values(context.original_exception)
        context.original_exception.args = (text,)
        if context.sqlalchemy_exception is not None:
            kind = type(context.original_exception)
            context.sqlalchemy_exception.args = (f"({kind.__module__}.{kind.__name__}) {text}",)


def without_values(error: psycopg2.Error) -> str:
    """Return file and line, if they are known, and the server's reason without DETAIL, CONTEXT and LINE, which quote
    rows.
    """
    said = error.diag.message_primary
    if not said:
        return str(error)  # not from the server: the connection was refused or lost
    if (error.pgcode or "").startswith(_DATA_EXCEPTION):
        said = _QUOTED.sub("<value>", said)
    place = place_of(error)
    return f"{place}{': ' if place else ''}{_LITERAL.sub('near <value>', said)} (SQLSTATE {error.pgcode})"


def place_of(error: psycopg2.Error) -> str:
    """Return "include/sql/….sql, line N" of a server's error; "" if it names no place, or one outside of our files."""
    query, position = error.diag.internal_query, error.diag.internal_position
    if query is None:
        query, position = sent(error), error.diag.statement_position
    if position is None:
        return ""
    before = query[: int(position) - 1]
    lines: list[tuple[str, int]] = []  # of the files around the place, from the outermost
    reached = 0
    for mark in (*_MARK.finditer(before), None):
        if lines:
            lines[-1] = (lines[-1][0], lines[-1][1] + before.count("\n", reached, mark.start() if mark else None))
        if mark is not None:
            reached = mark.end()
            lines = [*lines, (mark[1], 1)] if mark[1] else lines[:-1]
    return f"include/sql/{lines[-1][0]}.sql, line {lines[-1][1]}" if lines else ""


def files_in(query: str) -> list[str]:
    """Return the files whose text is in a statement, in their order, such as segments/inactive."""
    return list(dict.fromkeys(filter(None, _MARK.findall(query))))


def sent(error: psycopg2.Error) -> str:
    """Return the text that the server read when it refused; "" if it is not known."""
    text = error.cursor.query if error.cursor is not None else None
    return text.decode(errors="replace") if text else ""


def _to_json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()


def require_reachable(warehouse: Engine) -> None:
    """Connect once.

    Raises:
        DatabaseUnavailable: the warehouse did not answer; the message has host and database, never the password.
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

    Comment lines are left empty, so that a parameter's name in a comment does not become a bind, and lines keep their
    numbers.
    """
    lines = (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    text = "\n".join("" if line.lstrip().startswith("--") else line for line in lines)
    return sa.text(f"{_BEGIN.format(name)}{text}\n{_END}")


def run(connection: Connection, name: str, /, **parameters: Any) -> CursorResult[Any]:
    """Execute the named statement; SQLAlchemy refuses a parameter that the statement does not bind."""
    return connection.execute(statement(name), parameters)


def run_given(connection: Connection, name: str, given: Mapping[str, Any], /) -> CursorResult[Any]:
    """Execute the named statement with those values of `given` that it binds."""
    bound = statement(name).compile().params
    return connection.execute(statement(name), {key: given[key] for key in bound})


@cache
def _composed(name: str, put_in: tuple[tuple[str, tuple[str, ...]], ...]) -> sa.TextClause:
    text = statement(name).text
    for relation, files in put_in:
        # In brackets, since a file may begin with a WITH.
        rows = "\nunion all\n".join(f"(\n{statement(file).text}\n)" for file in files)
        before, *after = re.split(rf"(?<![\w/]){re.escape(relation)}\b", text)  # a file's name is none
        assert len(after) == 1, f"{name} names {relation} {len(after)} times"
        text = f"{before}(\n{rows}\n){after[0]}"
    return sa.text(text)


def run_with(
    connection: Connection, name: str, put_in: Mapping[str, tuple[str, ...]], /, **parameters: Any
) -> CursorResult[Any]:
    """Execute the named statement, in which each relation of `put_in` stands for the rows of all its files together.

    They are put in one after the other, so that a file may name a relation that comes after it (`words`).
    """
    return connection.execute(_composed(name, tuple(put_in.items())), parameters)


def scalar(connection: Connection, name: str, /, **parameters: Any) -> Any:
    """Execute the named statement and return its one value."""
    return run(connection, name, **parameters).scalar_one()


def execute_script(connection: Connection, script: str) -> None:
    """Execute the statements of `script`. It takes no parameters: % and : stay as they are."""
    with raw_cursor(connection) as cursor:
        cursor.execute(script)


def bigints(values: Iterable[int]) -> str:
    """Return numbers as a PostgreSQL array literal. Given a list, the driver would convert each value by itself."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Iterable[str | None]) -> str:
    """Return strings as a literal of type text[]; None becomes null."""
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
    """Analyze `table` if `changed_rows` is a large part of it, because the next statement of the run is planned by it.

    Autovacuum would come a minute later. Until then PostgreSQL plans a million new rows as if they were a few.
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
    """Hold the advisory lock `name` until this transaction ends; wait for another holder.

    If a holder is killed, its lock ends at once, while the database may still be committing the parts of its work. This
    waits for those parts too.
    """
    connection.execute(
        sa.text("select pg_advisory_xact_lock(:key), pg_advisory_lock(:parts), pg_advisory_unlock(:parts)"),
        {"key": _lock_key(name), "parts": _lock_key(f"{name}/parts")},
    )


def is_locked(connection: Connection, name: str) -> bool:
    """Return whether another session holds the lock `name`; if none does, this transaction holds it to its end."""
    query = sa.text("select not pg_try_advisory_xact_lock(:key)")
    return bool(connection.execute(query, {"key": _lock_key(name)}).scalar_one())


def lock_part(connection: Connection, name: str) -> None:
    """Make the next holder of `name` wait for this transaction, which works for the present holder."""
    connection.execute(sa.text("select pg_advisory_xact_lock_shared(:key)"), {"key": _lock_key(f"{name}/parts")})


@contextmanager
def session_lock(connection: Connection, name: str) -> Iterator[None]:
    """Hold the advisory lock `name` (the same lock as `lock` takes) over several transactions of `connection`.

    The lock ends with the block, or with the connection if the process dies.
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
    """Stands in for an engine.

    Each transaction is a savepoint inside one transaction that is rolled back at the end.
    """

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
    """Give an object that works like `warehouse`; everything done with it is rolled back.

    `warehouse` may be a rehearsal itself.
    """
    with warehouse.connect() as connection, _transaction_of(connection) as transaction:
        yield cast(Engine, Rehearsal(connection))
        transaction.rollback()


def _transaction_of(connection: Connection) -> Transaction:
    """Begin a transaction, or a savepoint of the one that a rehearsal has begun."""
    return connection.begin_nested() if connection.in_transaction() else connection.begin()
