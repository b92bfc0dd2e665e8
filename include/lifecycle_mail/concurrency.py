"""Work on many rows in parallel: two transactions at once under one lock, committed in order.

One connection keeps one processor of the database busy. The caller cuts the work into parts that share no row. The
parts are committed in order. A kill can therefore leave the first part without the second, never the second without the
first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import Rehearsal, lock, lock_part

PARALLEL_FROM_ROWS = 20_000  # with fewer rows a second connection costs more than it saves
# A migration may request its table lock between our two transactions. The first then waits for the migration, the
# migration for the second, and the second for the first, through a Python future. PostgreSQL cannot see that cycle.
# This timeout breaks it.
LOCK_TIMEOUT = "5min"
Part = TypeVar("Part")
Result = TypeVar("Result")


@contextmanager
def exclusive_lock(engine: Engine, name: str) -> Iterator[None]:
    """Hold the advisory lock `name` on a connection of its own, across all transactions of the block."""
    with engine.begin() as holder:
        may_wait(holder)
        lock(holder, name)
        yield


def may_wait(holder: Connection) -> None:
    """Let this transaction, which holds the lock, stay idle while the parts work.

    Otherwise a server that ends idle sessions would release the lock too.
    """
    holder.exec_driver_sql("set local idle_in_transaction_session_timeout = 0")


def run_in_parallel(
    engine: Engine,
    name: str,
    parts: Sequence[Part],
    work: Callable[[Connection, Part], Result],
) -> list[Result]:
    """Do `work` for each part in a transaction of its own, all at once.

    The caller holds `exclusive_lock` of the same `name`. Each part is committed after the part before it. If a part
    fails, or waits for a lock longer than LOCK_TIMEOUT, its error is raised and the parts after it are rolled back.
    """
    if len(parts) == 1 or isinstance(engine, Rehearsal):
        return [_do(engine, name, part, work, None) for part in parts]
    under_way: list[Future[Result]] = []
    with ThreadPoolExecutor(len(parts)) as pool:
        for part in parts:
            before = under_way[-1] if under_way else None
            under_way.append(pool.submit(_do, engine, name, part, work, before))
    return [done.result() for done in under_way]


def run_two_at_a_time(engine: Engine, parts: Sequence[Part], work: Callable[[Part], Result]) -> list[Result]:
    """Do `work` for each part on one of two threads; return what each gave, in the order of the parts.

    The parts are independent: all of them are done even if one fails. Then the first error is raised.
    """
    with ThreadPoolExecutor(1 if isinstance(engine, Rehearsal) else 2) as pool:
        under_way = [pool.submit(work, part) for part in parts]
    return [done.result() for done in under_way]


def _do(
    engine: Engine,
    name: str,
    part: Part,
    work: Callable[[Connection, Part], Result],
    before: Future[Result] | None,
) -> Result:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        lock_part(connection, name)
        result = work(connection, part)
        if before is not None:
            before.result()
    return result
