"""What every benchmark shares: its figures, a PostgreSQL of its own, and the peak memory of its processes.

A benchmark is a script of this folder that prints one JSON object on stdout, `{"benchmark": …, "figures": […]}`,
and everything else on stderr. `bench/run.py` runs them all, keeps their figures below bench/runs/, and fails if a
figure misses its limit or if a ratio is more than a fifth below the accepted one.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include"
PROFILES = ROOT / "bench" / "runs" / "profiles"
sys.path.insert(0, str(INCLUDE))

from lifecycle_mail.campaigns import read_topics  # noqa: E402
from lifecycle_mail.database import engine  # noqa: E402
from lifecycle_mail.migrations import migrate  # noqa: E402
from lifecycle_mail.topic_names import agree  # noqa: E402
from local_stack.postgres import embedded_server_package  # noqa: E402

GIGABYTE = 1 << 30
PAGE = 8192
BUFFER_GIGABYTES = 4

# A server's settings, not a laptop's: room for checkpoints. Durability stays on.
TUNING = {
    "max_wal_size": "16GB",
    "min_wal_size": "8GB",
    "wal_buffers": "64MB",
    "checkpoint_timeout": "30min",
    "wal_writer_delay": "20ms",
    "work_mem": "64MB",
    "maintenance_work_mem": "1GB",
    "jit": "off",
    "shared_buffers": f"{BUFFER_GIGABYTES}GB",
}

T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """One measured number with its limit and its peer.

    `better` is 'higher' or 'lower'. `ratio` says how many times better than the peer the value is, so higher is always
    better. Runs are compared by their ratios, because machines differ and are noisy. `limit` None = none given.
    `bound_by` says in one sentence what bounds the figure.
    """

    name: str
    what: str
    value: float
    unit: str
    better: str
    limit: float | None = None
    peer: str | None = None
    peer_value: float | None = None
    bound_by: str = ""
    ratio_limit: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer; None without one."""
        if self.peer_value is None or not self.value or not self.peer_value:
            return None
        return self.value / self.peer_value if self.better == "higher" else self.peer_value / self.value

    @property
    def reached(self) -> bool:
        """Whether value and ratio keep their limits."""
        within = self.limit is None or (
            self.value >= self.limit if self.better == "higher" else self.value <= self.limit
        )
        return within and (self.ratio_limit is None or (self.ratio or 0.0) >= self.ratio_limit)

    def as_json(self) -> dict[str, Any]:
        """Return every field, the ratio and whether the limits are kept."""
        return {**asdict(self), "ratio": self.ratio, "reached": self.reached}


def report(benchmark: str, figures: list[Figure]) -> None:
    """Print the one JSON object of a benchmark."""
    print(json.dumps({"benchmark": benchmark, "figures": [figure.as_json() for figure in figures]}))


def say(text: str) -> None:
    """Say on stderr what is going on."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def timed(step: Callable[[], T]) -> tuple[T, float]:
    """Return what `step` returned, and its seconds."""
    started = time.perf_counter()
    result = step()
    return result, time.perf_counter() - started


@contextmanager
def warehouse(wal_gigabytes: float = 0.0) -> Iterator[sa.Engine]:
    """A migrated warehouse on its own embedded PostgreSQL, tuned like a server and removed afterwards.

    A server that has run for a while has its log files and its buffers already. A fresh server has to create each log
    file, which writes it twice, and to ask the system for every page of its buffers. So `wal_gigabytes` of log files,
    and as much of the buffers as that fills, are made beforehand.

    If BENCH_SERVER_URL names a server of this machine, the warehouse is a database there. Nothing is tuned or made
    beforehand then, so use it only for sizes at which nothing is judged.
    """
    if shared := os.environ.get("BENCH_SERVER_URL"):
        with _migrated(shared) as own:
            yield own
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = embedded_server_package().get_server(Path(folder) / "postgres", cleanup_mode="delete")
        _tune(server.get_uri())
        server.stop()
        server.start()
        try:
            with _migrated(server.get_uri()) as own:
                _use_buffers(own, wal_gigabytes)
                _make_log_files(own, wal_gigabytes)
                yield own
        finally:
            server.cleanup()


@contextmanager
def _migrated(url: str) -> Iterator[sa.Engine]:
    """Make the warehouse's database, which compares texts by their bytes (docs/scale.md); dropped afterwards."""
    name = f"warehouse_{uuid.uuid4().hex[:12]}"
    _administer(url, f"create database {name} template template0 locale_provider builtin builtin_locale 'C.UTF-8'")
    own = engine(sa.make_url(url).set(database=name).render_as_string(hide_password=False))
    try:
        migrate(own)
        agree(own, read_topics(INCLUDE / "topics.yaml"), "topics.yaml")
        yield own
    finally:
        own.dispose()
        _administer(url, f"drop database {name} with (force)")


def _use_buffers(own: sa.Engine, gigabytes: float) -> None:
    """Write a table of so many gigabytes, one row per page, and drop it: plain inserts take a buffer for each page."""
    pages = round(min(gigabytes, BUFFER_GIGABYTES) * GIGABYTE) // PAGE
    with own.begin() as connection:
        connection.exec_driver_sql("create unlogged table public.used (filler text)")
        connection.exec_driver_sql("alter table public.used alter column filler set storage plain")
        connection.exec_driver_sql(
            f"insert into public.used select repeat('-', 8000) from generate_series(1, {pages})"  # noqa: S608
        )
        connection.exec_driver_sql("drop table public.used")


def _make_log_files(own: sa.Engine, gigabytes: float) -> None:
    message = "select pg_logical_emit_message(false, 'bench', repeat('-', 1 << 20)) from generate_series(1, :megabytes)"
    with own.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(message), {"megabytes": round(gigabytes * 1024)}).close()
        connection.exec_driver_sql("checkpoint")


def _tune(url: str) -> None:
    _administer(url, *(f"alter system set {setting} = '{value}'" for setting, value in TUNING.items()))


def _administer(url: str, *commands: str) -> None:
    """Give the server commands that no transaction may hold."""
    admin = engine(url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for command in commands:
            connection.exec_driver_sql(command)
    admin.dispose()


def url_of(own: sa.Engine) -> str:
    """Return the address at which another process reaches the warehouse."""
    return own.url.render_as_string(hide_password=False)


def bytes_a_row(own: sa.Engine, table: str, rows: int) -> int:
    """Return the bytes that one of `rows` rows of `table` takes on disk: heap, indexes, and what updates left
    behind."""
    with own.connect() as connection:
        size = connection.execute(
            sa.text("select pg_total_relation_size(cast(:table as regclass)) + coalesce(sum(pg_total_relation_size("
                    "inhrelid)), 0) from pg_inherits where inhparent = cast(:table as regclass)"),
            {"table": table},
        ).scalar_one()  # fmt: skip
    return round(int(size) / max(rows, 1))
