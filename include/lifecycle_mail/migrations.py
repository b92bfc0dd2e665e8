"""Bring the warehouse's schema up to this version: apply each table change once, and functions and views as they are
now.

Below every stage. A migration file changes tables and converts their data. Each is applied once, in the order of the
names, and never edited after its release. Functions and views have files of their own (`schema`), which are applied
again if their text changed.

The first file is the baseline: it makes every table as the earlier migrations made it. A warehouse that has the last of
those earlier migrations is at the baseline.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail import time_zones
from lifecycle_mail.database import SQL_FOLDER, execute_script, lock, run
from lifecycle_mail.errors import SchemaOutOfDate
from lifecycle_mail.schema import apply_definitions, definitions, stale_definitions

MIGRATIONS_FOLDER = SQL_FOLDER / "migrations"
LEDGER_FILE = SQL_FOLDER / "installation" / "ledger.sql"
BASELINE = "0025_baseline"
AT_BASELINE = "0025_drops_of_who_left"  # the last migration before the baseline
_FORMER_TEXT = re.compile(r"^-- formerly: ([0-9a-f]{32})$", re.MULTILINE)


def migration_files() -> list[Path]:
    """Return the migration files in the order they are applied."""
    return sorted(MIGRATIONS_FOLDER.glob("[0-9]*.sql"))


def schema_fingerprint() -> str:
    """Return a checksum that changes with any migration, function or view."""
    files = [*migration_files(), *(one.path for one in definitions())]
    return hashlib.md5(b"\0".join(file.read_bytes() for file in files), usedforsecurity=False).hexdigest()


def migrate(
    warehouse: Engine, progress: Callable[[str], None] = lambda name: None, pages_password: str | None = None
) -> list[str]:
    """Apply what is missing and return the names applied: migrations, then files of functions and views. Then renew the
    grants of other roles. With `pages_password`, the role of recipients' pages may log in by it.

    Each migration is a transaction of its own. All functions and views share one.

    Raises:
        SchemaOutOfDate: the warehouse is older than the baseline, a file changed after it was applied, or a function or
            view cannot be applied.
    """
    with warehouse.begin() as connection:
        lock(connection, "migrate")
        execute_script(connection, LEDGER_FILE.read_text(encoding="utf-8"))
        _adopt_baseline(connection)
    applied = []
    for file in migration_files():
        with warehouse.begin() as connection:
            lock(connection, "migrate")
            if _is_missing(connection, file):
                progress(file.stem)
                _apply(connection, file)
                applied.append(file.stem)
    with warehouse.begin() as connection:
        lock(connection, "migrate")
        applied += apply_definitions(connection, progress)
        run(connection, "installation/grant_roles")
        run(connection, "installation/grant_pages", secret=pages_password)
    time_zones.agree(warehouse)
    return applied


def require_migrated(warehouse: Engine) -> None:
    """Refuse to work on a database whose schema is older than this version.

    Raises:
        SchemaOutOfDate: a change of the schema is missing; the message says to run ``migrate``.
    """
    with warehouse.connect() as connection:
        known = connection.execute(sa.text("select to_regclass('installation.definition')")).scalar_one()
        names = set(connection.execute(_NAMES).scalars()) if known else set()
        missing = [file.stem for file in migration_files() if file.stem not in names]
        if known and not missing:
            missing = [one.file for one in stale_definitions(connection)]
    if missing:
        raise SchemaOutOfDate(
            f"the warehouse lacks {len(missing)} change(s) of the schema, first {missing[0]}: "
            "run `python -m lifecycle_mail migrate`"
        )


_NAMES = sa.text("select name from installation.migration")


def _adopt_baseline(connection: Connection) -> None:
    """Record the baseline as applied in a warehouse that has the last migration before it."""
    names = set(connection.execute(_NAMES).scalars())
    if not names or BASELINE in names:
        return
    if AT_BASELINE not in names:
        raise SchemaOutOfDate(
            f"the warehouse is at migration {max(names)}, older than the baseline {AT_BASELINE}: run `migrate` of the "
            "last version that has that file first, then of this one"
        )
    _record(connection, MIGRATIONS_FOLDER / f"{BASELINE}.sql")


def _is_missing(connection: Connection, file: Path) -> bool:
    query = sa.text("select md5 from installation.migration where name = :name")
    applied_md5 = connection.execute(query, {"name": file.stem}).scalar_one_or_none()
    if applied_md5 not in (None, _md5(file), *_former_md5s(file)):
        raise SchemaOutOfDate(
            f"migration {file.name} was changed after it was applied to this database: "
            "restore the file and add a new migration instead"
        )
    return applied_md5 is None


def _apply(connection: Connection, file: Path) -> None:
    execute_script(connection, file.read_text(encoding="utf-8"))
    _record(connection, file)


def _record(connection: Connection, file: Path) -> None:
    record = sa.text("insert into installation.migration (name, md5) values (:name, :md5)")
    connection.execute(record, {"name": file.stem, "md5": _md5(file)})


def _md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def _former_md5s(file: Path) -> list[str]:
    """Return the checksums of earlier texts that changed the tables in the same way: lines '-- formerly: <md5>'."""
    return _FORMER_TEXT.findall(file.read_text(encoding="utf-8"))
