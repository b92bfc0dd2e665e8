"""A load that is killed leaves nothing half done, and two loads never run at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.database import session_lock
from lifecycle_mail.settings import INCLUDE
from lifecycle_mail.sources import LoadReport, load_feeds

ROWS = 60_000
FACTS = ("customer", "orders", "page_view", "customer_activity", "rejected")
SCRIPT = """
import sys
from pathlib import Path
from lifecycle_mail.database import engine
from lifecycle_mail.sources import load_feeds

def tell(feed, done, total):
    print(feed, done, flush=True)

load_feeds(engine(sys.argv[1]), Path(sys.argv[2]), link_secret="secret", progress=tell)
print("finished", 0, flush=True)
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
                "select to_jsonb(t) - 'load_id' - 'rejected_id' - 'rejected_at' as fact "  # noqa: S608
                f"from source.{table} as t order by 1"
            )
            found[table] = [tuple(row) for row in connection.execute(query)]
    return found


def kill_when(url: str, folder: Path, feed: str, done: int, after: float) -> None:
    """Start a load in a process of its own and kill it `after` seconds past (`feed`, `done`)."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, url, str(folder)],
        env={**os.environ, "PYTHONPATH": str(INCLUDE)}, stdout=subprocess.PIPE, text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        name, count = line.split()
        assert name != "finished", "the load ended before it could be killed"
        if (name, int(count)) >= (feed, done) and name == feed:
            break
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def wait_until_gone(warehouse: Engine) -> None:
    """Wait until the server has noticed that the killed load's connection is dead."""
    with warehouse.connect() as connection, session_lock(connection, "load"):
        pass


@pytest.mark.parametrize(
    ("feed", "done", "after", "complete"),
    [
        ("orders", 5_000, 0.0, {"customer"}),
        ("orders", ROWS, 0.1, {"customer"}),
        ("page_views", 30_000, 0.0, {"customer", "orders"}),
    ],
)
def test_killed_load_leaves_whole_files_and_is_completed(
    warehouse: Engine, warehouse_url: str, tmp_path: Path, feed: str, done: int, after: float, complete: set[str]
) -> None:
    """After kill -9 in mid-file the files before it are whole and it has left nothing; loading again ends as
    an undisturbed load does."""
    write_feeds(tmp_path)
    kill_when(warehouse_url, tmp_path, feed, done, after)
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
    """An exception in mid-load, of whatever kind, leaves no lock on the pooled connection."""
    (tmp_path / "page_views.csv").write_text("view_id,customer_id,viewed_at\nv1,c,2026-01-01T00:00:00Z\n")

    def fail(feed: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_feeds(warehouse, tmp_path, link_secret="secret", progress=fail)
    with warehouse.connect() as connection:
        held = connection.execute(sa.text("select count(*) from pg_locks where locktype = 'advisory'"))
        assert held.scalar_one() == 0
        assert connection.execute(sa.text("select count(*) from source.page_view")).scalar_one() == 0
