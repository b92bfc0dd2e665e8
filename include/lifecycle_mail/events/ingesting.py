"""Export files → deduplicated events, step by step: which step is taken when, and in what order steps are committed.

Third part of the events stage. Two steps are under way at once, each in a transaction of its own, while the
next is read and parsed. So the database has work for two processors. Steps are committed in the order they were
read. A kill at any moment therefore loses nothing and counts nothing twice, and a reader that sees the last step
also sees all steps before it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event

import orjson
from sqlalchemy.engine import Engine

from lifecycle_mail.concurrency import exclusive_lock
from lifecycle_mail.database import run, scalar
from lifecycle_mail.events.answers import answer_files
from lifecycle_mail.events.clicks import settle_within_ingest
from lifecycle_mail.events.erased import erased_addresses
from lifecycle_mail.events.export_reader import Position, Reader, Step, sorted_out
from lifecycle_mail.events.groups import warn_of_unlisted_groups
from lifecycle_mail.events.matching import match_waiting
from lifecycle_mail.events.parsing import LATEST_EPOCH, Rules
from lifecycle_mail.events.soft_bounces import USUAL_REST, Rest
from lifecycle_mail.events.taking import IngestReport, take_step
from lifecycle_mail.moments import CLOCK_SKEW

logger = logging.getLogger(__name__)

EVENTS_A_STEP = 100_000
STEPS_AT_ONCE = 2  # the reader leaves a repeated event out of the step after its own, not out of later ones
FUTURE_DAYS = 2  # the clocks of servers differ by less
Progress = Callable[[str, int, int], None]
UnderWay = deque[tuple[Step, "Future[IngestReport]"]]


def _silent(source_name: str, received: int, inserted: int) -> None:
    """Report nothing."""


def ingest(
    engine: Engine,
    path: Path,
    *,
    topics: Mapping[int, str] | None = None,
    foreign_groups: Collection[int] = (),
    now: datetime | None = None,
    link_secret: str | None = None,
    events_a_step: int = EVENTS_A_STEP,
    rest: Rest = USUAL_REST,
    footer_links: Collection[str] = (),
    progress: Progress = _silent,
    answers_only: bool = False,
) -> IngestReport:
    """Take every event of an export file, or of all export files in a folder, that is not in the warehouse yet.

    `topics` maps SendGrid's unsubscribe groups to our topics, and `foreign_groups` are other applications', whose words
    are ignored; leaving any other group is kept as the scope 'group:<number>', which blocks all mail. `rest` says when
    mail to a mailbox rests after soft bounces. Clicks on `footer_links` (`parsing.footer_links`) are kept and
    mean nothing.
    With `now`, events more than two days later than it are refused. `link_secret` keys the hashes of erased
    addresses: of an event about an erased person only fields that name no person are kept (None = no event is checked).
    `answers_only`: take only what people said on our own pages (`answers`); the rest waits for the next ingest.
    After each committed step `progress` is called with the step's first file and the events received and
    inserted so far. Lines that cannot be taken go to event.rejected. A file that was read to its end and has
    not grown is not read again. A file that cannot be read is named in the report, and the others are taken.

    Raises:
        EventsError: the path does not exist, or cannot be listed.
    """
    total, names = IngestReport(), set[str]()
    files, left_out = (answer_files(path), {}) if answers_only else sorted_out(path)
    with exclusive_lock(engine, "ingest"):
        is_erased = None if link_secret is None else erased_addresses(engine, link_secret)
        rules = Rules(
            topics or {}, _latest_epoch(now), is_erased, frozenset(foreign_groups), _ingest_epoch(engine, now),
            tuple(footer_links),
        )
        reader = Reader(_positions(engine), rules, events_a_step)
        take = partial(take_step, engine, rest=rest, latest=None if now is None else now + CLOCK_SKEW)
        for step, report in _taken(engine, _ahead(reader.steps(files)), take):
            total = total.plus(report)
            names.update(step.positions)
            progress(min(step.positions), total.received, total.inserted)
        if answers_only:
            return replace(total, files=len(names), intakes=reader.intakes(), skipped=dict(reader.unreadable))
        match_waiting(engine)
        settle_within_ingest(engine)
    logger.info("ingested events: %s from %d files", total.counts(), len(names))
    warn_of_unlisted_groups(engine)
    barren = (*reader.barren(), *(left_out if not files else ()))
    skipped = {**left_out, **reader.unreadable}
    return replace(
        total, files=len(names), intakes=reader.intakes(), skipped=skipped, barren=barren, unknown=dict(reader.unknown)
    )


def _latest_epoch(now: datetime | None) -> int:
    if now is None:
        return LATEST_EPOCH
    return int((now.astimezone(UTC) + timedelta(days=FUTURE_DAYS)).timestamp())


def _ingest_epoch(engine: Engine, now: datetime | None) -> int:
    if now is not None:
        return int(now.timestamp())
    with engine.connect() as connection:
        return int(scalar(connection, "events/present_epoch"))


def _positions(engine: Engine) -> dict[str, Position]:
    with engine.connect() as connection:
        rows = run(connection, "events/file_positions")
        return {row.source_name: Position(**row._mapping) for row in rows}


def _ahead(steps: Iterator[Step]) -> Iterator[Step]:
    """Yield the steps while a thread reads the next one, so that database and parser work at the same time."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(next, steps, None)
        while (step := coming.result()) is not None:
            coming = pool.submit(next, steps, None)
            yield step


def _taken(
    engine: Engine, steps: Iterator[Step], take: Callable[..., IngestReport]
) -> Iterator[tuple[Step, IngestReport]]:
    """Take the steps, two at once; yield each with its report, in order, once it is committed."""
    under_way, months = UnderWay(), set[date]()
    with ThreadPoolExecutor(STEPS_AT_ONCE) as pool:
        for step in steps:
            if missing := step.months() - months:
                # A new partition locks the table, which every step under way also locks: so none may be under way.
                yield from _finished(under_way, 0)
                _make_months(engine, missing)
                months |= missing
            _begin(pool, partial(take, step), step, under_way)
            yield from _finished(under_way, STEPS_AT_ONCE - 1)
        yield from _finished(under_way, 0)


def _begin(pool: ThreadPoolExecutor, take: Callable[..., IngestReport], step: Step, under_way: UnderWay) -> None:
    """Start a step, and wait until it holds its locks: no other session may lock the table between two steps."""
    before, has_begun = under_way[-1][1] if under_way else None, Event()
    under_way.append((step, pool.submit(take, before, has_begun)))
    has_begun.wait()


def _finished(under_way: UnderWay, remaining: int) -> Iterator[tuple[Step, IngestReport]]:
    while len(under_way) > remaining:
        step, report = under_way.popleft()
        yield step, report.result()


def _make_months(engine: Engine, months: set[date]) -> None:
    with engine.begin() as connection:
        run(connection, "events/ensure_months", months=orjson.dumps(sorted(months)).decode())
