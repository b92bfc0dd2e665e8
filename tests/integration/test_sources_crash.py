"""A load that is killed leaves nothing half done, and two loads never run at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.database import session_lock
from lifecycle_mail.settings import INCLUDE
from lifecycle_mail.sources import LoadReport, load_feeds
from suite_budget import with_long

ROWS = 12_000
FACTS = ("customer", "orders", "page_view", "customer_activity", "rejected")
SCRIPT = """
import sys, time
from pathlib import Path
from lifecycle_mail.database import engine
from lifecycle_mail.sources import load_feeds

def tell(feed, done, total):
    if [feed, str(done)] == sys.argv[3:]:
        print("here", flush=True)
        time.sleep(300)

load_feeds(engine(sys.argv[1]), Path(sys.argv[2]), link_secret="secret", progress=tell)
"""


def write_feeds(folder: Path) -> None:
    time_ = "2026-01-01T00:00:00Z"
    (folder / "customers.csv").write_text(
        "customer_id,email,created_at\n" + "".join(f"c{n},c{n}@example.com,{time_}\n" for n in range(100))
    )
    (folder / "orders.csv").write_text(
        "order_id,customer_id,ordered_at,total\n"
        + "".join(f"o{n},c{n % 100},{time_},{n % 1000 - 1}\n" for n in range(ROWS))
    )
    (folder / "page_views.csv").write_text(
        "view_id,customer_id,viewed_at\n" + "".join(f"v{n},c{n % 100},{time_}\n" for n in range(ROWS))
    )


def state(warehouse: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every fact of the stage, without what differs from load to load."""
    found = {}
    with warehouse.connect() as connection:
        for table in FACTS:
            query = sa.text(
                "select to_jsonb(t) - 'load_id' - 'first_load_id' - 'rejected_id' - 'rejected_at' as fact "  # noqa: S608
                f"from source.{table} as t order by 1"
            )
            found[table] = [tuple(row) for row in connection.execute(query)]
    return found


@contextmanager
def load_process(url: str, folder: Path, *pause: str) -> Iterator[subprocess.Popen[str]]:
    """A load in a process of its own.

    It says "here" and pauses at the progress (feed, done). It is killed with kill -9 at the end of the block.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, url, str(folder), *pause],
        env={**os.environ, "PYTHONPATH": str(INCLUDE)}, stdout=subprocess.PIPE, text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def kill_while_reading(warehouse: Engine, url: str, folder: Path, feed: str) -> None:
    """Kill a load that has staged the first part of `feed`."""
    with load_process(url, folder, feed, "5000") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"


def kill_while_merging(warehouse: Engine, url: str, folder: Path, feed: str) -> None:
    """Kill a load that has written the rows of `feed` and waits for a lock to write the activity."""
    waiting = sa.text(
        "select exists (select 1 from pg_locks join pg_database on database = pg_database.oid "
        "where datname = current_database() and not granted and locktype = 'relation')"
    )
    with warehouse.begin() as blocker:
        blocker.execute(sa.text("lock table source.customer_activity in exclusive mode"))
        with load_process(url, folder) as process:
            while not blocker.execute(waiting).scalar_one():
                assert process.poll() is None
                time.sleep(0.02)


def wait_until_gone(warehouse: Engine) -> None:
    """Wait until the server has noticed that the killed load's connection is dead."""
    with warehouse.connect() as connection, session_lock(connection, "load"):
        pass


@pytest.mark.parametrize(
    ("kill", "feed", "complete"),
    with_long(
        [(kill_while_merging, "orders", {"customer"}), (kill_while_reading, "page_views", {"customer", "orders"})],
        [(kill_while_reading, "orders", {"customer"})],
    ),
)
def test_killed_load_leaves_whole_files_and_is_completed(
    warehouse: Engine,
    warehouse_url: str,
    tmp_path: Path,
    kill: Callable[[Engine, str, Path, str], None],
    feed: str,
    complete: set[str],
) -> None:
    """After kill -9 within a file, the files before it are whole and the killed load has left nothing of the file.
    Loading again ends as an undisturbed load does."""
    write_feeds(tmp_path)
    kill(warehouse, warehouse_url, tmp_path, feed)
    wait_until_gone(warehouse)
    killed = state(warehouse)
    load_feeds(warehouse, tmp_path, link_secret="secret")
    completed = state(warehouse)
    for table in ("customer", "orders", "page_view"):
        assert killed[table] == (completed[table] if table in complete else []), table
    with warehouse.begin() as connection:
        connection.execute(sa.text(f"truncate {', '.join('source.' + table for table in FACTS)}"))
    load_feeds(warehouse, tmp_path, link_secret="secret")
    assert completed == state(warehouse)
    assert len(completed["orders"]) == ROWS - ROWS // 1000
    assert len(completed["rejected"]) == ROWS // 1000


def test_second_load_waits_for_the_first(warehouse: Engine, tmp_path: Path) -> None:
    """While one load runs another waits, and then finds nothing left to do."""
    (tmp_path / "page_views.csv").write_text("view_id,customer_id,viewed_at\nv1,c,2026-01-01T00:00:00Z\n")
    reports: list[LoadReport] = []
    second = threading.Thread(
        target=lambda: reports.append(load_feeds(warehouse, tmp_path, link_secret="secret"))
    )

    def start_second(feed: str, done: int, total: int | None) -> None:
        second.start()
        second.join(timeout=1.0)
        assert second.is_alive(), "the second load did not wait"

    first = load_feeds(warehouse, tmp_path, link_secret="secret", progress=start_second)
    second.join(timeout=30)
    assert [each.feeds["page_views"].changed for each in (first, *reports)] == [1, 0]


def test_failed_load_gives_the_lock_back(warehouse: Engine, tmp_path: Path) -> None:
    """An exception during a load, of whatever kind, leaves no lock on the pooled connection."""
    (tmp_path / "page_views.csv").write_text("view_id,customer_id,viewed_at\nv1,c,2026-01-01T00:00:00Z\n")

    def fail(feed: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_feeds(warehouse, tmp_path, link_secret="secret", progress=fail)
    with warehouse.connect() as connection:
        held = connection.execute(sa.text(
            "select count(*) from pg_locks join pg_database on database = pg_database.oid "
            "where datname = current_database() and locktype = 'advisory'"
        ))
        assert held.scalar_one() == 0
        assert connection.execute(sa.text("select count(*) from source.page_view")).scalar_one() == 0
