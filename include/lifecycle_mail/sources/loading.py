"""Load feeds: read, check, stage, set aside, merge; one transaction a file, one load at a time.

Stage 1 of the path. `load_feeds` is what `load DIR` and the DAG call. A file that is refused, or a load that is
killed, undoes no other file; loading again completes it and changes nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import available_timezones

import orjson
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import run, session_lock
from lifecycle_mail.errors import FeedError
from lifecycle_mail.sources.activity import refresh_activity, touch_customers
from lifecycle_mail.sources.checking import Checker
from lifecycle_mail.sources.contract import FEEDS, Feed
from lifecycle_mail.sources.feed_files import FeedFile, feed_files
from lifecycle_mail.sources.queries import read_query
from lifecycle_mail.sources.rows import Chunks, FileRefused
from lifecycle_mail.sources.staging import (
    analyze,
    analyze_staged,
    create_staging,
    merge,
    set_duplicates_aside,
    stage,
)
from lifecycle_mail.sources.values import Surroundings

Progress = Callable[[str, int, "int | None"], None]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FeedCounts:
    """Rows of one feed in one load: read, loaded (they keep the contract), changed (of those, written
    because new or different), rejected (set aside, whether known from an earlier load or not)."""

    read: int = 0
    loaded: int = 0
    changed: int = 0
    rejected: int = 0

    def __add__(self, other: FeedCounts) -> FeedCounts:
        return FeedCounts(
            self.read + other.read, self.loaded + other.loaded,
            self.changed + other.changed, self.rejected + other.rejected,
        )


@dataclass(frozen=True)
class LoadReport:
    """What one load did: its id, counts by feed (feeds without file are absent), the files refused as a
    whole (file name → named reason), and warnings an operator should read."""

    load_id: int
    feeds: dict[str, FeedCounts]
    refused_files: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def no_progress(feed: str, done: int, total: int | None) -> None:
    """Report to nobody."""


def load_feeds(
    warehouse: Engine,
    folder: Path,
    *,
    link_secret: str,
    now: datetime | None = None,
    progress: Progress = no_progress,
) -> LoadReport:
    """Load all feed files of `folder` and return what became of their rows.

    `link_secret` keys the hashes of erased addresses. `now` (aware) is the time of the load: a birthday may not
    be later, an undated withdrawal counts from it; None = the database's clock. `progress` is called with a
    feed's name, the rows done and the rows expected (None = unknown).

    Raises:
        FeedError: the folder or a file in it cannot be read. Every file that can be is loaded first.
    """
    files, others = feed_files(folder)
    warnings = [f"{name} is no feed file and was left alone" for name in others]
    if not files:
        warnings.append(f"{folder} holds no feed file: nothing was loaded")
    with _Load(warehouse, link_secret, now, progress) as load:
        load.warn(warnings)
        load.expect(files)
        unreadable = [problem for file in files if (problem := load.take_file(file))]
    if unreadable:
        raise FeedError("; ".join(unreadable) + ". The other files were loaded")
    return load.report()


def load_query(
    warehouse: Engine,
    feed: str,
    query: str,
    *,
    link_secret: str,
    name: str = "",
    now: datetime | None = None,
    progress: Progress = no_progress,
) -> LoadReport:
    """Load `feed` from a select over tables the warehouse already has; it takes the columns of the files.

    The select runs in a read-only session. `name` stands for the file name in source.rejected (default
    ``<feed>.sql``).

    Raises:
        FeedError: no such feed.
    """
    if feed not in FEEDS:
        raise FeedError(f"no feed is called '{feed}': choose one of {', '.join(FEEDS)}")
    with _Load(warehouse, link_secret, now, progress) as load:
        load.take(FEEDS[feed], name or f"{feed}.sql", read_query(warehouse, query, FEEDS[feed]))
    return load.report()


class _Load:
    """One load under way: its connection, which holds the load lock, and its counts so far."""

    def __init__(self, warehouse: Engine, link_secret: str, now: datetime | None, progress: Progress) -> None:
        self._warehouse = warehouse
        self._link_secret = link_secret
        self._now = now
        self._progress = progress
        self._counts: dict[str, FeedCounts] = {}
        self._expected: dict[str, int | None] = {}
        self._refused_files: dict[str, str] = {}
        self._warnings: list[str] = []

    def __enter__(self) -> _Load:
        self._connection = self._warehouse.connect()
        self._lock = session_lock(self._connection, "load")
        try:
            self._lock.__enter__()
            with self._connection.begin():
                self.load_id, self._now = run(self._connection, "sources/start_load", now=self._now).one()
                zones = frozenset(run(self._connection, "sources/known_zones").scalars())
        except BaseException:
            self._connection.close()
            raise
        # Both sides must know a zone: decisions reckon in SQL, mails are worded in Python.
        self._surroundings = Surroundings(
            self._now.astimezone(UTC).date(), zones & (available_timezones() or zones)
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                with self._connection.begin():
                    counts = orjson.dumps({name: asdict(each) for name, each in self._counts.items()}).decode()
                    run(self._connection, "sources/finish_load", load_id=self.load_id, counts=counts)
            self._lock.__exit__(None, None, None)
        finally:
            self._connection.close()

    def report(self) -> LoadReport:
        return LoadReport(self.load_id, self._counts, self._refused_files, tuple(self._warnings))

    def warn(self, warnings: Iterable[str]) -> None:
        for warning in warnings:
            logger.warning(warning)
            self._warnings.append(warning)

    def expect(self, files: Iterable[FeedFile]) -> None:
        """Note how many rows each feed's files promise."""
        for file in files:
            rows, before = file.expected_rows(), self._expected.get(file.feed.name, 0)
            self._expected[file.feed.name] = None if rows is None or before is None else rows + before

    def take_file(self, file: FeedFile) -> str | None:
        """Load one file; return what to tell the operator where it cannot be read at all."""
        try:
            chunks = (
                read_query(self._warehouse, file.path.read_text(encoding="utf-8"), file.feed)
                if file.form == "sql"
                else file.chunks()
            )
            self.take(file.feed, file.path.name, chunks)
        except OSError as error:
            return f"cannot read the feed file {file.path}: {error.strerror}"
        return None

    def take(self, feed: Feed, name: str, chunks: Chunks) -> None:
        """Load the rows of one file in one transaction; a refusal of the file undoes that file alone."""
        try:
            with self._connection.begin():
                counts, unknown = self._load_rows(feed, name, chunks)
        except FileRefused as refusal:
            counts, unknown = FeedCounts(), set()
            self._refuse_file(feed, name, refusal)
        if unknown:
            self.warn([f"{name}: columns the contract does not know were left out: {', '.join(sorted(unknown))}"])
        self._counts[feed.name] = self._counts.get(feed.name, FeedCounts()) + counts

    def _load_rows(self, feed: Feed, name: str, chunks: Chunks) -> tuple[FeedCounts, set[str]]:
        create_staging(self._connection, feed)
        read, unknown = self._stage_rows(feed, chunks)
        analyze_staged(self._connection)
        if feed.name == "customers":
            run(self._connection, "sources/set_erased_aside", link_secret=self._link_secret)
            run(self._connection, "sources/log_permissions", load_id=self.load_id, now=self._now)
        set_duplicates_aside(self._connection, feed)
        changed = self._merge(feed)
        rejected = self._count("refused")
        run(
            self._connection, "sources/record_refused",
            load_id=self.load_id, feed=feed.name, file=name, link_secret=self._link_secret,
        )
        return FeedCounts(read, read - rejected, changed, rejected), unknown

    def _stage_rows(self, feed: Feed, chunks: Chunks) -> tuple[int, set[str]]:
        checker = Checker(feed, self._surroundings)
        before = self._counts.get(feed.name, FeedCounts()).read
        read, unknown = 0, set[str]()
        for chunk in chunks:
            read += len(chunk.lines) + len(chunk.refused)
            unknown |= chunk.unknown
            stage(self._connection, feed, checker.check(chunk))
            self._progress(feed.name, before + read, self._expected.get(feed.name))
        return read, unknown

    def _merge(self, feed: Feed) -> int:
        has_activity = touch_customers(self._connection, feed)
        changed = merge(self._connection, feed, self.load_id)
        if feed.name == "customers":
            run(self._connection, "sources/settle_permissions", load_id=self.load_id)
        if has_activity:
            refresh_activity(self._connection, feed)
        analyze(self._connection, feed, changed)
        return changed

    def _refuse_file(self, feed: Feed, name: str, refusal: FileRefused) -> None:
        self._refused_files[name] = refusal.reason
        self.warn([f"{name} was refused: {refusal.reason} ({refusal.detail})"])
        with self._connection.begin():
            run(
                self._connection, "sources/record_refused_file",
                load_id=self.load_id, feed=feed.name, file=name, reason=refusal.reason, detail=refusal.detail,
            )

    def _count(self, table: str) -> int:
        return int(self._connection.exec_driver_sql(f"select count(*) from {table}").scalar_one())
