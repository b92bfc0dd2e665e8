"""Bring the warehouse's schema up to this version: SQL files, applied once each, in order of their names.

Below every stage. A migration file may hold several statements and takes no parameters. Files that were
applied are never edited once released; a changed one is refused with its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import SQL_FOLDER, lock
from lifecycle_mail.errors import SchemaOutOfDate

MIGRATIONS_FOLDER = SQL_FOLDER / "migrations"

_LEDGER = """
create schema if not exists installation;
create table if not exists installation.migration (
    name text primary key,
    md5 text not null,
    applied_at timestamptz not null default now()
);
comment on table installation.migration is 'Migrations applied to this database, one row a file.';
comment on column installation.migration.name is 'File name without its ending.';
comment on column installation.migration.md5 is 'Checksum of the file as it was applied.';
comment on column installation.migration.applied_at is 'When it was applied.';
"""


def migration_files() -> list[Path]:
    """Return the migration files in the order they are applied."""
    return sorted(MIGRATIONS_FOLDER.glob("[0-9]*.sql"))


def migrate(warehouse: Engine, progress: Callable[[str], None] = lambda name: None) -> list[str]:
    """Apply what is missing, each file in a transaction of its own, and return the names applied.

    Raises:
        SchemaOutOfDate: a file that was applied has changed since.
    """
    with warehouse.begin() as connection:
        lock(connection, "migrate")
        _execute_script(connection, _LEDGER)
    applied = []
    for file in migration_files():
        with warehouse.begin() as connection:
            lock(connection, "migrate")
            if _is_missing(connection, file):
                progress(file.stem)
                _apply(connection, file)
                applied.append(file.stem)
    return applied


def require_migrated(warehouse: Engine) -> None:
    """Refuse to work on a database whose schema is older than this version.

    Raises:
        SchemaOutOfDate: says to run ``migrate``.
    """
    with warehouse.connect() as connection:
        known = connection.execute(sa.text("select to_regclass('installation.migration')")).scalar_one()
        names = set(connection.execute(_NAMES).scalars()) if known else set()
    missing = [file.stem for file in migration_files() if file.stem not in names]
    if missing:
        raise SchemaOutOfDate(
            f"the warehouse lacks {len(missing)} migration(s), first {missing[0]}: "
            "run `python -m lifecycle_mail migrate`"
        )


_NAMES = sa.text("select name from installation.migration")


def _is_missing(connection: Connection, file: Path) -> bool:
    query = sa.text("select md5 from installation.migration where name = :name")
    applied_md5 = connection.execute(query, {"name": file.stem}).scalar_one_or_none()
    if applied_md5 not in (None, _md5(file)):
        raise SchemaOutOfDate(
            f"migration {file.name} was changed after it was applied to this database: "
            "restore the file and add a new migration instead"
        )
    return applied_md5 is None


def _apply(connection: Connection, file: Path) -> None:
    _execute_script(connection, file.read_text(encoding="utf-8"))
    record = sa.text("insert into installation.migration (name, md5) values (:name, :md5)")
    connection.execute(record, {"name": file.stem, "md5": _md5(file)})


def _execute_script(connection: Connection, script: str) -> None:
    # Straight to the driver: without parameters it takes several statements and leaves % and : alone.
    cursor = connection.connection.cursor()
    cursor.execute(script)
    cursor.close()


def _md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
