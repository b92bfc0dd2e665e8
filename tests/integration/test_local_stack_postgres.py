"""The embedded PostgreSQL of the demo: starts, stays, stops, and never touches what is not its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from lifecycle_mail.database import engine
from local_stack.postgres import METADATA, WAREHOUSE, EmbeddedPostgres


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server in a folder of its own, stopped after the test."""
    server = EmbeddedPostgres(tmp_path.resolve() / "postgres")
    yield server
    server.stop()


def test_it_survives_a_second_start_and_a_stop(postgres: EmbeddedPostgres) -> None:
    """A second start finds the running server; data written before a stop are there after the next start."""
    postgres.start()
    first = postgres.process()
    assert first is not None
    with engine(postgres.url(WAREHOUSE)).begin() as connection:
        connection.execute(sa.text("create table kept as select 1 as one"))
    postgres.start()
    assert postgres.process() == first

    assert postgres.stop()
    assert not first.is_running()
    assert postgres.process() is None
    assert not postgres.stop()

    postgres.start()
    with engine(postgres.url(WAREHOUSE)).connect() as connection:
        assert connection.execute(sa.text("select one from kept")).scalar_one() == 1


def test_both_databases_are_there_and_commits_are_durable(postgres: EmbeddedPostgres) -> None:
    """Airflow's metadata and the warehouse are two databases, and a commit survives a crash."""
    postgres.start()
    for database in (METADATA, WAREHOUSE):
        with engine(postgres.url(database)).connect() as connection:
            assert connection.execute(sa.text("select current_database()")).scalar_one() == database
            for setting in ("fsync", "synchronous_commit"):
                assert connection.execute(sa.text(f"show {setting}")).scalar_one() == "on"


def test_its_log_holds_no_values_of_a_statement_that_failed(postgres: EmbeddedPostgres) -> None:
    """The error is in the log; the row, the key and the statement, which hold people's data, are not."""
    postgres.start()
    with engine(postgres.url(WAREHOUSE)).connect() as connection:
        connection.exec_driver_sql("create table person (email text primary key, age integer check (age > 0))")
        for values in ("('ann@example.com', -1)", "('bob@example.com', 1), ('bob@example.com', 1)"):
            with pytest.raises(sa.exc.IntegrityError):
                connection.execute(sa.text(f"insert into person values {values}"))  # noqa: S608
            connection.rollback()
            connection.exec_driver_sql("create table person (email text primary key, age integer check (age > 0))")
    log = postgres.log_file.read_text()
    assert 'violates check constraint "person_age_check"' in log
    assert "violates unique constraint" in log
    assert "@example.com" not in log


def test_another_process_is_never_taken_for_the_server(tmp_path: Path) -> None:
    """If the number in postmaster.pid belongs to another process by now, that process is not stopped."""
    server = EmbeddedPostgres(tmp_path.resolve() / "postgres")
    server.folder.mkdir()
    (server.folder / "postmaster.pid").write_text(f"{os.getpid()}\n{server.folder}\n")
    assert server.process() is None
    assert not server.stop()
    assert psutil.Process().is_running()
