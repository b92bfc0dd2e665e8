"""Work in parts: two transactions at once, committed in order, under one lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError

from builders import rows
from lifecycle_mail import concurrency
from lifecycle_mail.concurrency import exclusive_lock, run_in_parallel
from lifecycle_mail.database import lock, lock_part, rehearsal


@pytest.fixture
def numbers(warehouse: Engine) -> Iterator[Engine]:
    with warehouse.begin() as connection:
        connection.exec_driver_sql("create table number (n integer primary key, session integer)")
    return warehouse


def put(connection: Connection, n: int) -> int:
    connection.execute(sa.text("insert into number values (:n, pg_backend_pid())"), {"n": n})
    return n


def kept(engine: Engine) -> set[int]:
    with engine.connect() as connection:
        return {row[0] for row in rows(connection, "select n from number")}


def test_parts_are_at_work_at_once_and_committed_in_order(numbers: Engine) -> None:
    """Each part waits for the other inside its work. What the second did is not there before the first is committed."""
    meeting, second_is_done = threading.Barrier(2, timeout=20), threading.Event()
    seen: list[set[int]] = []

    def work(connection: Connection, n: int) -> int:
        meeting.wait()
        put(connection, n)
        if n == 2:
            second_is_done.set()
        else:
            assert second_is_done.wait(20)
            time.sleep(0.2)  # long enough for a commit that does not wait
            seen.append(kept(numbers))
        return n

    with exclusive_lock(numbers, "count"):
        assert run_in_parallel(numbers, "count", (1, 2), work) == [1, 2]
    assert seen == [set()]
    assert kept(numbers) == {1, 2}
    with numbers.connect() as connection:
        assert rows(connection, "select count(distinct session) from number") == [(2,)]


@pytest.mark.parametrize(("failing", "left"), [(1, set()), (2, {1})])
def test_a_part_that_fails_takes_those_after_it_back(numbers: Engine, failing: int, left: set[int]) -> None:
    """The first share stays or nothing does, never the second alone; the error is the part's own."""

    def work(connection: Connection, n: int) -> int:
        if n == failing:
            raise RuntimeError(f"part {n}")
        return put(connection, n)

    with pytest.raises(RuntimeError, match=f"part {failing}"), exclusive_lock(numbers, "count"):
        run_in_parallel(numbers, "count", (1, 2), work)
    assert kept(numbers) == left


def test_parts_do_not_wait_for_each_other_for_ever(numbers: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another session asks for the table alone between the locks of two parts: three wait in a ring, which is given
    up."""
    monkeypatch.setattr(concurrency, "LOCK_TIMEOUT", "500ms")
    second_has_it, somebody_waits = threading.Event(), threading.Event()

    def work(connection: Connection, n: int) -> int:
        if n == 2:
            put(connection, n)
            second_has_it.set()
            return n
        assert somebody_waits.wait(20)
        return put(connection, n)

    def change_shape() -> None:
        assert second_has_it.wait(20)
        with numbers.begin() as connection:
            threading.Timer(0.2, somebody_waits.set).start()
            connection.exec_driver_sql("alter table number add column note text")

    other = threading.Thread(target=change_shape)
    other.start()
    with pytest.raises(OperationalError, match="lock timeout"), exclusive_lock(numbers, "count"):
        run_in_parallel(numbers, "count", (1, 2), work)
    other.join(20)
    assert kept(numbers) == set()


def test_a_rehearsal_takes_the_parts_one_after_the_other_and_keeps_nothing(numbers: Engine) -> None:
    """The fallback has one connection, on which every part sees what the parts before it did."""
    with rehearsal(numbers) as stage, exclusive_lock(stage, "count"):
        assert run_in_parallel(stage, "count", (1, 2), put) == [1, 2]
    assert kept(numbers) == set()


def test_the_next_holder_waits_for_a_part_of_a_dead_one(numbers: Engine) -> None:
    """The holder's lock is gone and its part is not committed yet: another session gets the lock only after the
    part."""
    found: list[set[int]] = []

    def next_run() -> None:
        with numbers.begin() as connection:
            lock(connection, "count")
            found.append({row[0] for row in rows(connection, "select n from number")})

    with numbers.begin() as part:
        lock_part(part, "count")
        put(part, 1)
        waiting = threading.Thread(target=next_run)
        waiting.start()
        _until_somebody_waits(numbers)
        assert found == []
    waiting.join(20)
    assert found == [{1}]


def _until_somebody_waits(engine: Engine) -> None:
    query = "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = " \
            "(select oid from pg_database where datname = current_database())"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if rows(connection, query) != [(0,)]:
                return
        time.sleep(0.02)
    pytest.fail("nobody waited for the part")
