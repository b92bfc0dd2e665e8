"""Load feeds: read, check, stage, set aside, merge; one transaction per file, one load at a time.

Stage 1 of the path. `load DIR` and the DAG call `load_feeds`. A refused file, or a killed load,
undoes no other file. Loading again completes the load and changes nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import available_timezones

import orjson
import psycopg2
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import is_locked, run, scalar, session_lock
from lifecycle_mail.errors import DatabaseUnavailable, FeedError
from lifecycle_mail.intake import Intake
from lifecycle_mail.mailboxes import mailbox
from lifecycle_mail.sources.activity import refresh_activity, touch_customers
from lifecycle_mail.sources.consent import Hearing, log_permissions, remembered_words, settle_staged_permissions
from lifecycle_mail.sources.contract import Feed
from lifecycle_mail.sources.feed_files import FeedFile, feed_files
from lifecycle_mail.sources.feeds import feeds
from lifecycle_mail.sources.links import WEB
from lifecycle_mail.sources.newest import note_newest
from lifecycle_mail.sources.queries import SQL_FEEDS_FOLDER, SqlFeed, read_query, reader_warnings, sql_feeds
from lifecycle_mail.sources.references import Waiting, note_references, prepare_references, waiting_rows
from lifecycle_mail.sources.reports import FeedCounts, LoadReport
from lifecycle_mail.sources.row_validation import Checker
from lifecycle_mail.sources.rows import Chunks, FileRefused, absent_columns
from lifecycle_mail.sources.staging import (
    analyze,
    analyze_staged,
    create_staging,
    keep_absent_values,
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
    link_schemes: frozenset[str] = WEB,
) -> LoadReport:
    """Load the repository's SQL feeds and all feed files of `folder`; return what became of their rows.

    `link_secret` keys the hashes of erased addresses. `now` (aware) is the time of the load: a birthday may
    not be later, an undated word counts from it; None = the database's clock. `may_resubscribe`: the shop asks people
    again, so that a yes of the feed counts as their own. `link_schemes`: the schemes that a link may have. `progress`
    is called with a feed's name, the rows done and the rows expected (None = unknown). `sql_folder` is the repository's
    folder of SQL feeds. No setting names another one, because its files run on the server.

    Raises:
        FeedError: the folder or a file in it cannot be read. Every file that can be read is loaded first.
        DatabaseUnavailable: the database ended the load; what was committed stays.
    """
    feed_files(folder)  # a folder that cannot be read opens no load
    selects, strangers = sql_feeds(sql_folder)
    with _one_load(warehouse, link_secret, now, progress) as load:
        load.may_resubscribe = may_resubscribe
        load.context = replace(load.context, link_schemes=link_schemes)
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
    explained: dict[str, str] = field(default_factory=dict)
    intakes: list[Intake] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)

    @property
    def hearing(self) -> Hearing:
        """How this load hears what its files say of permission."""
        return Hearing(self.load_id, self.now, self.link_secret, self.may_resubscribe)

    def report(self) -> LoadReport:
        return LoadReport(
            self.load_id, self.counts, self.refused_files, tuple(self.warnings), tuple(self.intakes), self.explained,
            tuple(self.waiting),
        )  # fmt: skip

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
        counts = {name: each.numbers() for name, each in self.counts.items()}
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
            counts, unknown = self._refuse_file(feed, name, refusal), set()
        except _UNSTORABLE as error:
            # The checks passed a value that the database does not store: our fault, and no reason to stop the load.
            code = getattr(getattr(error, "orig", error), "pgcode", None)
            counts, unknown = self._refuse_file(feed, name, FileRefused("unstorable_value", f"SQLSTATE {code}")), set()
        if name in self.refused_files and feed.tells_permission:
            self._take_opt_outs(feed, name, read(feed.telling_alone))
        if unknown:
            self.warn([f"{name}: columns that are not in the contract were left out: {', '.join(sorted(unknown))}"])
        if name not in self.refused_files:
            self.intakes.append(Intake(name, counts.read, counts.reasons))
        self.counts[feed.name] = self.counts.get(feed.name, FeedCounts()) + counts

    def _load_rows(self, feed: Feed, name: str, chunks: Chunks) -> tuple[FeedCounts, set[str]]:
        create_staging(self.connection, feed)
        staged = self._stage_rows(feed, chunks)
        analyze_staged(self.connection)
        if feed.name == "customers":
            run(self.connection, "sources/set_erased_aside", link_secret=self.link_secret)
            log_permissions(self.connection, self.hearing, name)
        else:
            has_parts = any(other.part_of == feed.name for other in feeds().values())
            set_erased_aside(self.connection, feed, feeds().get(feed.part_of), has_parts)
        number_rows(self.connection, feed)
        keep_absent_values(self.connection, feed, sorted(staged.sometimes_absent))
        set_duplicates_aside(self.connection, feed)
        keep_unread_values(self.connection, feed)
        if feed.name == "customers":
            settle_staged_permissions(self.connection, self.load_id)
        changed = self._merge(feed, staged.always_absent)
        note_newest(self.connection, feed, self.now)
        note_references(self.connection, feed, feeds())
        if feed.tells_cart_status:
            run(self.connection, "sources/mark_unread_carts", load_id=self.load_id)
        reasons, left_out = self._set_aside()
        said = run(self.connection, "sources/foreign_spellings").scalars().all()
        run(
            self.connection, "sources/record_refused",
            load_id=self.load_id, feed=feed.name, file=name, link_secret=self.link_secret,
            said=said, meant=[mailbox(one) for one in said],
        )  # fmt: skip
        refused = sum(reasons.values())
        counts = FeedCounts(
            staged.read, staged.read - refused, changed, refused, sum(left_out.values()), reasons, left_out
        )  # fmt: skip
        return counts, staged.unknown

    def _set_aside(self) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
        """Return how many rows are set aside by reason, and how many values by reason and column."""
        found = run(self.connection, "sources/count_refused").all()
        rows = {row.reason: row.number for row in found if row.column_name is None}
        values = {(row.reason, row.column_name): row.number for row in found if row.column_name is not None}
        return rows, values

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

    def _stage_rows(self, feed: Feed, chunks: Chunks) -> _Staged:
        checker = Checker(feed, self.context)
        before = self._read(feed)
        staged = _Staged()
        for chunk in chunks:
            staged.read += len(chunk.lines) + len(chunk.refused)
            staged.unknown |= chunk.unknown
            rows = checker.check(chunk)
            staged.absences.update(rows.absent)
            stage(self.connection, feed, rows)
            self.progress(feed.name, before + staged.read, self._total(feed, before + staged.read))
        return staged

    def _total(self, feed: Feed, done: int) -> int | None:
        expected = self.expected.get(feed.name)
        return None if expected is None else max(expected, done)

    def _merge(self, feed: Feed, absent: frozenset[str]) -> int:
        has_activity = touch_customers(self.connection, feed)
        changed = merge(self.connection, feed, self.load_id, absent)
        if has_activity:
            refresh_activity(self.connection, feed)
        analyze(self.connection, feed, changed)
        return changed

    def _refuse_file(self, feed: Feed, name: str, refusal: FileRefused) -> FeedCounts:
        self.refused_files[name], self.explained[name] = refusal.reason, refusal.detail
        self.warn([f"{name} was refused: {refusal.reason} ({refusal.detail})"])
        with self.connection.begin():
            run(
                self.connection, "sources/record_refused_file",
                load_id=self.load_id, feed=feed.name, file=name, reason=refusal.reason, detail=refusal.detail,
            )  # fmt: skip
        return FeedCounts(rejected=1, reasons={f"the file {name}, {refusal.reason}": 1})


@dataclass
class _Staged:
    """What was read of one file. `absences`: which optional columns rows do not have, as `rows.absence` writes them."""

    read: int = 0
    unknown: set[str] = field(default_factory=set)
    absences: set[str] = field(default_factory=set)

    @property
    def always_absent(self) -> frozenset[str]:
        """Columns that no row of the file has."""
        return frozenset.intersection(*map(absent_columns, self.absences)) if self.absences else frozenset()

    @property
    def sometimes_absent(self) -> frozenset[str]:
        """Columns that some rows have and others do not."""
        return frozenset().union(*map(absent_columns, self.absences)) - self.always_absent
