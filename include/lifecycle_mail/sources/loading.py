"""Load feeds: read, check, stage, set aside, merge; one transaction per file, one load at a time.

Stage 1 of the path. `load DIR` and the DAG call `load_feeds`. A refused file, or a killed load,
undoes no other file. Loading again completes the load and changes nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import available_timezones

import orjson
import psycopg2
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import is_locked, run, scalar, session_lock
from lifecycle_mail.errors import DatabaseUnavailable, FeedError
from lifecycle_mail.mailboxes import mailbox
from lifecycle_mail.sources.activity import refresh_activity, touch_customers
from lifecycle_mail.sources.consent import Hearing, log_permissions, remembered_words, settle_staged_permissions
from lifecycle_mail.sources.contract import Feed
from lifecycle_mail.sources.feed_files import FeedFile, feed_files
from lifecycle_mail.sources.feeds import feeds
from lifecycle_mail.sources.queries import SQL_FEEDS_FOLDER, SqlFeed, read_query, reader_warnings, sql_feeds
from lifecycle_mail.sources.references import Waiting, note_references, prepare_references, waiting_rows
from lifecycle_mail.sources.row_validation import Checker
from lifecycle_mail.sources.rows import Chunks, FileRefused
from lifecycle_mail.sources.staging import (
    analyze,
    analyze_staged,
    create_staging,
    keep_unread_values,
    merge,
    number_rows,
    plan_for_files,
    set_duplicates_aside,
    set_erased_aside,
    stage,
    stage_words,
)
from lifecycle_mail.sources.supply import settle_supplies
from lifecycle_mail.sources.value_parsers import ParseContext
from lifecycle_mail.sources.words import Word

LOCK = "load"
Progress = Callable[[str, int, "int | None"], None]
logger = logging.getLogger(__name__)

_UNSTORABLE = (psycopg2.DataError, psycopg2.IntegrityError, sa.exc.DataError, sa.exc.IntegrityError)


@dataclass(frozen=True)
class FeedCounts:
    """Rows of one feed in one load.

    read; loaded: rows that keep the contract; changed: loaded rows that were written because they are new or different;
    rejected: rows set aside, whether or not an earlier load set them aside too (a file refused as a whole counts as
    one); unread_values: values that could not be read, of rows that were loaded without them.
    """

    read: int = 0
    loaded: int = 0
    changed: int = 0
    rejected: int = 0
    unread_values: int = 0

    def __add__(self, other: FeedCounts) -> FeedCounts:
        return FeedCounts(
            self.read + other.read, self.loaded + other.loaded,
            self.changed + other.changed, self.rejected + other.rejected,
            self.unread_values + other.unread_values,
        )


@dataclass(frozen=True)
class LoadReport:
    """What one load did: its id, counts by feed (a feed without a file is absent), the files refused as a whole
    (file name → named reason), warnings for the operator, and which of its rows name what no feed has brought."""

    load_id: int
    feeds: dict[str, FeedCounts]
    refused_files: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()

    @property
    def loaded(self) -> dict[str, int]:
        """Rows that keep the contract, by feed."""
        return {feed: counts.loaded for feed, counts in self.feeds.items()}

    @property
    def rejected(self) -> dict[str, int]:
        """Rows that were set aside, by feed."""
        return {feed: counts.rejected for feed, counts in self.feeds.items()}

    def counts(self) -> dict[str, int]:
        """Return every number in one flat dict, as customers_loaded, customers_rejected…: safe for XCom and logs."""
        loaded = {f"{feed}_loaded": rows for feed, rows in self.loaded.items()}
        rejected = {f"{feed}_rejected": rows for feed, rows in self.rejected.items()}
        unread = {f"{feed}_unread_values": counts.unread_values for feed, counts in self.feeds.items()}
        waiting = {f"{one.feed}_without_{one.names}": one.rows for one in self.waiting}
        return {**loaded, **rejected, **unread, **waiting, "refused_files": len(self.refused_files)}


def no_progress(feed: str, done: int, total: int | None) -> None:
    """Report nothing."""


def load_feeds(
    warehouse: Engine,
    folder: Path,
    *,
    link_secret: str,
    now: datetime | None = None,
    progress: Progress = no_progress,
    sql_folder: Path = SQL_FEEDS_FOLDER,
    may_resubscribe: bool = False,
) -> LoadReport:
    """Load the repository's SQL feeds and all feed files of `folder`; return what became of their rows.

    `link_secret` keys the hashes of erased addresses. `now` (aware) is the time of the load: a birthday may
    not be later, an undated word counts from it; None = the database's clock. `may_resubscribe`: the shop asks people
    again, so that a yes of the feed counts as their own. `progress` is called with
    a feed's name, the rows done and the rows expected (None = unknown). `sql_folder` is the repository's
    folder of SQL feeds. No setting names another one, because its files run on the server.

    Raises:
        FeedError: the folder or a file in it cannot be read. Every file that can be read is loaded first.
        DatabaseUnavailable: the database ended the load; what was committed stays.
    """
    feed_files(folder)  # a folder that cannot be read opens no load
    selects, strangers = sql_feeds(sql_folder)
    with _one_load(warehouse, link_secret, now, progress) as load:
        load.may_resubscribe = may_resubscribe
        files, others = feed_files(folder)  # since the load began: a campaign counts on every file that was there
        load.warn(f"{name} is not a feed file: it was ignored" for name in others)
        load.warn(f"sql/feeds/{name} has the name of no feed: it was ignored" for name in strangers)
        if not files and not selects:
            load.warn([f"{folder} has no feed file: nothing was loaded"])
        load.warn(_reader_warnings(load) if selects else [])
        sources = _in_order(selects, files)
        load.expect(sources)
        with remembered_words(load.connection):
            unreadable = [problem for source in sources if (problem := load.take_file(source))]
    if unreadable:
        raise FeedError("; ".join(unreadable) + ". The other files were loaded")
    return load.report()


def is_loaded_since(connection: Connection, moment: datetime) -> bool:
    """Return whether a load that began at `moment` (aware) or later is done."""
    return bool(scalar(connection, "sources/is_loaded_since", since=moment))


def is_loading(connection: Connection) -> bool:
    """Return whether a load is under way."""
    return is_locked(connection, LOCK)


def _reader_warnings(load: _Load) -> list[str]:
    with load.connection.begin():
        return reader_warnings(load.connection)


def _in_order(selects: list[SqlFeed], files: list[FeedFile]) -> list[SqlFeed | FeedFile]:
    """Return all in the contract's order of feeds; a feed's select comes before its files, so the files' rows win."""
    order = list(feeds())
    return sorted([*selects, *files], key=lambda source: order.index(source.feed.name))


@contextmanager
def _one_load(
    warehouse: Engine, link_secret: str, now: datetime | None, progress: Progress
) -> Iterator[_Load]:
    """Open a load under the lock that permits no other load, and close it with its counts."""
    try:
        with warehouse.connect() as connection, session_lock(connection, LOCK):
            load = _start(warehouse, connection, link_secret, now, progress)
            prepare_references(connection)
            yield load
            with connection.begin():
                plan_for_files(connection)
                settle_supplies(connection)
            with connection.begin():
                load.note_waiting(waiting_rows(connection, feeds()))
                counts = load.counts_to_keep()
                run(connection, "sources/finish_load", load_id=load.load_id, counts=orjson.dumps(counts).decode())
    except (psycopg2.OperationalError, psycopg2.InterfaceError, sa.exc.OperationalError) as error:
        cause = getattr(error, "orig", error)
        reason = next(iter(str(cause).strip().splitlines()), "no answer")
        raise DatabaseUnavailable(f"the warehouse ended the load: {reason}. Run it again to complete it") from None


def _start(
    warehouse: Engine, connection: Connection, link_secret: str, now: datetime | None, progress: Progress
) -> _Load:
    with connection.begin():
        opened = run(connection, "sources/start_load", now=now).one()
        zones = frozenset(run(connection, "sources/known_zones").scalars())
    # Both sides must know a zone: decisions compute in SQL, mails are worded in Python.
    known = zones & (available_timezones() or zones)
    context = ParseContext(opened.started_at.astimezone(UTC).date(), known)
    return _Load(
        warehouse, connection, opened.load_id, opened.started_at, context, link_secret, progress
    )


@dataclass
class _Load:
    """One load under way; `connection` holds the load lock."""

    warehouse: Engine
    connection: Connection
    load_id: int
    now: datetime
    context: ParseContext
    link_secret: str
    progress: Progress
    may_resubscribe: bool = False
    counts: dict[str, FeedCounts] = field(default_factory=dict)
    expected: dict[str, int | None] = field(default_factory=dict)
    refused_files: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)

    @property
    def hearing(self) -> Hearing:
        """How this load hears what its files say of permission."""
        return Hearing(self.load_id, self.now, self.link_secret, self.may_resubscribe)

    def report(self) -> LoadReport:
        return LoadReport(self.load_id, self.counts, self.refused_files, tuple(self.warnings), tuple(self.waiting))

    def warn(self, warnings: Iterable[str]) -> None:
        for warning in warnings:
            logger.warning(warning)
            self.warnings.append(warning)

    def note_waiting(self, waiting: list[Waiting]) -> None:
        """Keep and log which rows name what no feed has brought."""
        self.waiting = waiting
        for one in waiting:
            logger.info("%s", one)

    def counts_to_keep(self) -> dict[str, dict[str, int]]:
        """Return the counts by feed as source.load keeps them."""
        counts = {name: asdict(each) for name, each in self.counts.items()}
        for one in self.waiting:
            counts[one.feed][f"without_{one.names}"] = one.rows
        return counts

    def expect(self, files: Iterable[SqlFeed | FeedFile]) -> None:
        """Record how many rows are expected of each feed's files."""
        for file in files:
            rows, before = file.expected_rows(), self.expected.get(file.feed.name, 0)
            self.expected[file.feed.name] = None if rows is None or before is None else rows + before

    def take_file(self, file: SqlFeed | FeedFile) -> str | None:
        """Load one file; return what to tell the operator if it cannot be read at all."""
        try:
            before = self._read(file.feed)
            self.take(file.feed, file.name, lambda wanted: self._chunks(replace(file, feed=wanted)))
            self._correct_expectation(file, self._read(file.feed) - before)
        except OSError as error:
            return f"the feed file {file.path} cannot be read: {error.strerror}"
        return None

    def _read(self, feed: Feed) -> int:
        return self.counts.get(feed.name, FeedCounts()).read

    def _correct_expectation(self, file: SqlFeed | FeedFile, read: int) -> None:
        """Correct the expected total if a file had fewer rows than lines, so that progress ends at its total."""
        promised, expected = file.expected_rows(), self.expected.get(file.feed.name)
        if promised is not None and expected is not None and promised != read:
            self.expected[file.feed.name] = expected + read - promised
            self.progress(file.feed.name, self._read(file.feed), self.expected[file.feed.name])

    def _chunks(self, file: SqlFeed | FeedFile) -> Chunks:
        # A generator, so that an error in the file is raised inside its own transaction.
        if isinstance(file, FeedFile):
            yield from file.chunks()
            return
        yield from read_query(self.warehouse, file.query(), file.feed)
        if file.feed == feeds()[file.feed.name]:  # a refused file is read again next time
            run(self.connection, "sources/keep_since", feed=file.feed.name, since=self.now)

    def take(self, feed: Feed, name: str, read: Callable[[Feed], Chunks]) -> None:
        """Load the rows of one file in one transaction; a refusal of the file undoes that file alone.

        `read` reads the file as a feed. A customers file that is refused is read a second time for its opt-outs.
        """
        try:
            with self.connection.begin():
                counts, unknown = self._load_rows(feed, name, read(feed))
        except FileRefused as refusal:
            counts, unknown = FeedCounts(rejected=1), set()
            self._refuse_file(feed, name, refusal)
        except _UNSTORABLE as error:
            # The checks passed a value that the database does not store: our fault, and no reason to stop the load.
            counts, unknown = FeedCounts(rejected=1), set()
            code = getattr(getattr(error, "orig", error), "pgcode", None)
            self._refuse_file(feed, name, FileRefused("unstorable_value", f"SQLSTATE {code}"))
        if name in self.refused_files and feed.tells_permission:
            self._take_opt_outs(feed, name, read(feed.telling_alone))
        if unknown:
            self.warn([f"{name}: columns that are not in the contract were left out: {', '.join(sorted(unknown))}"])
        self.counts[feed.name] = self.counts.get(feed.name, FeedCounts()) + counts

    def _load_rows(self, feed: Feed, name: str, chunks: Chunks) -> tuple[FeedCounts, set[str]]:
        create_staging(self.connection, feed)
        read, unknown = self._stage_rows(feed, chunks)
        analyze_staged(self.connection)
        if feed.name == "customers":
            run(self.connection, "sources/set_erased_aside", link_secret=self.link_secret)
            log_permissions(self.connection, self.hearing, name)
        else:
            has_parts = any(other.part_of == feed.name for other in feeds().values())
            set_erased_aside(self.connection, feed, feeds().get(feed.part_of), has_parts)
        number_rows(self.connection, feed)
        set_duplicates_aside(self.connection, feed)
        keep_unread_values(self.connection, feed)
        if feed.name == "customers":
            settle_staged_permissions(self.connection, self.load_id)
        changed = self._merge(feed)
        note_references(self.connection, feed, feeds())
        if feed.tells_cart_status:
            run(self.connection, "sources/mark_unread_carts", load_id=self.load_id)
        aside = run(self.connection, "sources/count_refused").one()
        said = run(self.connection, "sources/foreign_spellings").scalars().all()
        run(
            self.connection, "sources/record_refused",
            load_id=self.load_id, feed=feed.name, file=name, link_secret=self.link_secret,
            said=said, meant=[mailbox(one) for one in said],
        )  # fmt: skip
        return FeedCounts(read, read - aside.refused, changed, aside.refused, aside.unread_values), unknown

    def _take_opt_outs(self, feed: Feed, name: str, chunks: Chunks) -> None:
        """Take every readable withdrawal from a file that is refused as a whole; its other rows count for nothing."""
        words = self._withdrawals(feed, chunks)
        if not words:
            return
        with self.connection.begin():
            create_staging(self.connection, feed)
            stage_words(self.connection, words)
            log_permissions(self.connection, self.hearing, name)
            settle_staged_permissions(self.connection, self.load_id)
        self.warn([f"{name}: {len(words)} opt-out(s) in it count although the file was refused"])

    def _withdrawals(self, feed: Feed, chunks: Chunks) -> list[Word]:
        checker, words = Checker(feed.telling_alone, self.context), list[Word]()
        try:
            for chunk in chunks:
                words += checker.withdrawals(chunk)
        except FileRefused:  # the withdrawals before the refusal count
            pass
        return words

    def _stage_rows(self, feed: Feed, chunks: Chunks) -> tuple[int, set[str]]:
        checker = Checker(feed, self.context)
        before = self._read(feed)
        read, unknown = 0, set[str]()
        for chunk in chunks:
            read += len(chunk.lines) + len(chunk.refused)
            unknown |= chunk.unknown
            stage(self.connection, feed, checker.check(chunk))
            self.progress(feed.name, before + read, self._total(feed, before + read))
        return read, unknown

    def _total(self, feed: Feed, done: int) -> int | None:
        expected = self.expected.get(feed.name)
        return None if expected is None else max(expected, done)

    def _merge(self, feed: Feed) -> int:
        has_activity = touch_customers(self.connection, feed)
        changed = merge(self.connection, feed, self.load_id)
        if has_activity:
            refresh_activity(self.connection, feed)
        analyze(self.connection, feed, changed)
        return changed

    def _refuse_file(self, feed: Feed, name: str, refusal: FileRefused) -> None:
        self.refused_files[name] = refusal.reason
        self.warn([f"{name} was refused: {refusal.reason} ({refusal.detail})"])
        with self.connection.begin():
            run(
                self.connection, "sources/record_refused_file",
                load_id=self.load_id, feed=feed.name, file=name, reason=refusal.reason, detail=refusal.detail,
            )  # fmt: skip
