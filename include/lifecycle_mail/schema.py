"""Functions and views of the warehouse: each has one file, and `migrate` applies a file again if its text changed.

Below every stage. include/sql/<stage>/schema/functions/<name>.sql defines the function <schema>.<name> (with its
triggers), views/<name>.sql the view <schema>.<name>. tables.sql says what the tables are; only
migrations change those.

All changed files are applied in one transaction. A function or view cannot be replaced in place if its columns or its
result changed. It is then dropped without cascade, together with our views that read it. All of them are created again
with the grants they had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg2.errors
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from lifecycle_mail.database import SQL_FOLDER, execute_script, run, without_values
from lifecycle_mail.errors import SchemaOutOfDate

# The stages in path order, each with the database schema it owns.
STAGES = {
    "installation": "installation",
    "sources": "source",
    "segments": "segment",
    "journeys": "journey",
    "decisions": "decision",
    "messages": "message",
    "delivery": "delivery",
    "events": "event",
    "kpis": "kpi",
}
READER = "lifecycle_segments"  # the role with whose rights segments and SQL feeds are read
LOCK_TIMEOUT = "5s"  # while the change of a view waits for its lock, readers of the view wait behind it

_NOT_YET_THERE = (
    psycopg2.errors.UndefinedTable,
    psycopg2.errors.UndefinedFunction,
    psycopg2.errors.UndefinedColumn,
)
_NOT_REPLACEABLE = (psycopg2.errors.InvalidTableDefinition, psycopg2.errors.InvalidFunctionDefinition)


@dataclass(frozen=True)
class Definition:
    """One function or view: its file, and the schema it belongs to."""

    path: Path
    schema: str
    is_view: bool

    @property
    def file(self) -> str:
        """The file's place below include/sql, without its ending."""
        return self.path.relative_to(SQL_FOLDER).with_suffix("").as_posix()

    @property
    def name(self) -> str:
        """The name with its schema, such as kpi.rate."""
        return f"{self.schema}.{self.path.stem}"

    @cached_property
    def text(self) -> str:
        """The statements that create it."""
        return self.path.read_text(encoding="utf-8")

    @property
    def md5(self) -> str:
        """The checksum of the text."""
        return hashlib.md5(self.text.encode(), usedforsecurity=False).hexdigest()


def definitions() -> list[Definition]:
    """Return every function and view, stage by stage, functions first."""
    found = []
    for stage, schema in STAGES.items():
        home = SQL_FOLDER / stage / "schema"
        found += [Definition(path, schema, False) for path in sorted((home / "functions").glob("*.sql"))]
        found += [Definition(path, schema, True) for path in sorted((home / "views").glob("*.sql"))]
    return found


def stale_definitions(connection: Connection) -> list[Definition]:
    """Return the definitions that this database lacks, or has with a different text."""
    applied = {row.file: row.md5 for row in run(connection, "installation/applied_definitions") if row.is_present}
    return [one for one in definitions() if applied.get(one.file) != one.md5]


def apply_definitions(connection: Connection, progress: Callable[[str], None]) -> list[str]:
    """Apply stale definitions, drop those without a file, and return the files applied; in the caller's transaction.

    Raises:
        SchemaOutOfDate: a text is wrong, a view that is not ours reads what must be dropped, or a relation is in use
            for longer than LOCK_TIMEOUT.
    """
    stale, gone = stale_definitions(connection), _gone(connection)
    if not stale and not gone:
        return []
    connection.exec_driver_sql(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    # Functions and views name each other across stages, so a body is checked only when it is used.
    connection.exec_driver_sql("set local check_function_bodies = off")
    try:
        _Change(connection, progress).apply(stale, gone)
    except (psycopg2.Error, DBAPIError) as error:
        raise _refusal(error) from None
    connection.exec_driver_sql("set local check_function_bodies = on")
    connection.exec_driver_sql("set local lock_timeout = 0")
    return [one.file for one in stale]


def _gone(connection: Connection) -> list[str]:
    """Return the identities of functions and views that were applied from a file that no longer exists."""
    files = {one.file for one in definitions()}
    applied = run(connection, "installation/applied_definitions")
    return [row.identity for row in applied if row.is_present and row.file not in files]


class _Change:
    """One transaction's change of functions and views. What must be dropped is created again with its grants."""

    def __init__(self, connection: Connection, progress: Callable[[str], None]) -> None:
        self._connection = connection
        self._progress = progress
        self._grants: list[str] = []
        self._former: list[str] = []  # the same names with other argument types
        self._last: psycopg2.Error | None = None

    def apply(self, stale: Sequence[Definition], gone: Sequence[str]) -> None:
        """Apply `stale` in an order that their dependencies permit, then drop `gone`."""
        self._create_all(stale)
        self._create_all(self._drop_with_readers([*self._former, *gone]))
        for grant in self._grants:
            self._connection.exec_driver_sql(grant)
        run(self._connection, "installation/forget_definitions", files=[one.file for one in definitions()])

    def _create_all(self, pending: Sequence[Definition]) -> None:
        while pending:
            waiting = self._round(pending)
            if waiting == list(pending):
                assert self._last is not None
                raise SchemaOutOfDate(f"include/sql/{waiting[0].file}.sql: {without_values(self._last)}: correct it")
            pending = waiting

    def _round(self, pending: Sequence[Definition]) -> list[Definition]:
        """Create what can be created now; return what must wait for another round."""
        waiting: list[Definition] = []
        for one in pending:
            before = self._identities(one)
            try:
                with self._connection.begin_nested():
                    execute_script(self._connection, one.text)
            except _NOT_YET_THERE as error:
                self._last = error
                waiting.append(one)
            except _NOT_REPLACEABLE:
                waiting += [one, *self._drop_with_readers(before)]
            else:
                self._note(one, before)
        return list(dict.fromkeys(waiting))

    def _identities(self, one: Definition) -> set[str]:
        found = run(self._connection, "installation/identities", schema=one.schema, name=one.path.stem)
        return set(found.scalars())

    def _note(self, one: Definition, before: set[str]) -> None:
        after = self._identities(one)
        made = after - before or after
        if len(made) != 1:
            raise SchemaOutOfDate(f"include/sql/{one.file}.sql must define {one.name}, once: correct it")
        identity = made.pop()
        self._former += sorted(after - {identity})
        run(self._connection, "installation/note_definition", file=one.file, identity=identity, md5=one.md5)
        self._progress(one.file)

    def _drop_with_readers(self, identities: Iterable[str]) -> list[Definition]:
        """Drop functions and views, and our views that read them, without cascade; return the views' definitions."""
        named = list(identities)
        readers = self._readers(named)
        dropped = [*readers, *named]
        self._grants += run(self._connection, "installation/grants_of", identities=dropped).scalars()
        views = [each for each in dropped if "(" not in each]
        functions = [each for each in dropped if "(" in each]
        for kind, names in (("view", views), ("function", functions)):
            if names:
                self._connection.exec_driver_sql(f"drop {kind} {', '.join(names)}")
        return [one for one in definitions() if one.is_view and one.name in readers]

    def _readers(self, identities: Sequence[str]) -> list[str]:
        """Return the views that read any of `identities`, directly or indirectly; all of them are ours.

        Raises:
            SchemaOutOfDate: a view that is not ours reads one of them.
        """
        found = list(run(self._connection, "installation/readers", identities=identities).scalars())
        foreign = sorted(set(found) - {one.name for one in definitions()})
        if foreign:
            raise SchemaOutOfDate(
                f"the view {', '.join(foreign)} reads what this version changes: keep its text, drop it, run "
                "`migrate`, and create it again"
            )
        return found


def _refusal(error: psycopg2.Error | DBAPIError) -> SchemaOutOfDate:
    cause = error.orig if isinstance(error, DBAPIError) else error
    said = without_values(cause) if isinstance(cause, psycopg2.Error) else str(cause)
    if isinstance(cause, psycopg2.errors.LockNotAvailable):
        return SchemaOutOfDate(
            f"a table or view was in use for longer than {LOCK_TIMEOUT}: nothing was changed; run `migrate` again when "
            "loads, roll-ups and reports have ended"
        )
    return SchemaOutOfDate(f"functions and views could not be applied: {said}; nothing was changed")
