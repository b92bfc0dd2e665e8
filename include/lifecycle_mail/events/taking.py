"""One step of parsed events → rows, first facts, suppressions, settled messages, all in one transaction.

Last part of the events stage, and the only one that writes. The transaction also records how far the step's
files were read. Work that needs no other step is done at once. Work that builds on earlier facts waits until the
previous step is committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from threading import Event

import orjson
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock_part, run, scalar
from lifecycle_mail.events.copying import bigint, copy, text
from lifecycle_mail.events.export_reader import SetAside, Step
from lifecycle_mail.events.lifting import keep_lifted
from lifecycle_mail.events.matching import fold_mails, match_staged
from lifecycle_mail.events.parsing import EVENT_COLUMNS, FACT_COLUMNS
from lifecycle_mail.events.soft_bounces import Rest, fold_soft_bounces
from lifecycle_mail.intake import Intake, Limits, Row, by_reason, rows_of
from lifecycle_mail.messages.settling import settle_by_events
from lifecycle_mail.sources import record_engagement, record_permission, take_birthdays


@dataclass(frozen=True)
class IngestReport:
    """Counts of one ingest: received = inserted + duplicates + rejected; files read, messages settled.

    `intakes` is what became of each file, and `skipped` says why others were left out. `barren` are files that never
    gave anything. `unknown` are kinds of events that mean nothing here, and how many of them were read.
    """

    received: int = 0
    inserted: int = 0
    duplicates: int = 0
    rejected: int = 0
    files: int = 0
    settled: int = 0
    intakes: tuple[Intake, ...] = field(default=(), compare=False)
    skipped: Mapping[str, str] = field(default_factory=dict, compare=False)
    barren: tuple[str, ...] = field(default=(), compare=False)
    unknown: Mapping[str, int] = field(default_factory=dict, compare=False)

    def counts(self) -> dict[str, int]:
        """Return the counts by name."""
        return {name: getattr(self, name) for name in _COUNTS}

    def rows(self) -> list[Row]:
        """Return the table by reason."""
        unknown = {f"kept, of unknown kind: {kind}": number for kind, number in sorted(self.unknown.items())}
        return rows_of({**self.counts(), **unknown}, by_reason(self.intakes), self.skipped)

    @property
    def is_unreadable(self) -> bool:
        """Tell whether there was something to read, and nothing of it could be read."""
        return bool(self.barren) and not self.inserted + self.duplicates

    def alarms(self, limits: Limits) -> list[str]:
        """Name the files with too many refused rows, and those that could not be read.

        A line that is still being written is not refused.
        """
        whole = [
            replace(one, refused={reason: n for reason, n in one.refused.items() if reason != "cut_line"})
            if one.name not in self.barren
            else one
            for one in self.intakes
        ]
        found = [alarm for one in whole if (alarm := one.alarm(limits))]
        lost = [name for name, reason in self.skipped.items() if reason not in HARMLESS]
        return found + [f"{name}: not read ({self.skipped[name]})" for name in lost]

    def plus(self, other: IngestReport) -> IngestReport:
        """Return the sum of two reports, count by count."""
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in _COUNTS})


_COUNTS = ("received", "inserted", "duplicates", "rejected", "files", "settled")
HARMLESS = ("other_ending",)  # reasons to leave a file out that need no look


def take_step(
    engine: Engine,
    step: Step,
    before: Future[IngestReport] | None,
    has_begun: Event,
    *,
    rest: Rest,
    latest: datetime | None = None,
) -> IngestReport:
    """Take one step. It is committed after `before`, the previous step, and not at all if that one failed.

    An event later than `latest` (None = any) says nothing of how new the feed is.
    `has_begun` is set once the transaction holds every lock that other steps could wait for. Afterwards the step keeps
    only its positions, because a step is large and the next one is already being read.
    """
    try:
        with engine.begin() as connection:
            batch_id = _start(connection, step)
            has_begun.set()
            inserted = _write_new(connection, step, batch_id) if step.events else 0
            if before is not None:
                before.result()
            settled = _fold(connection, batch_id, rest) if inserted else 0
            newest_at = scalar(connection, "events/newest_staged", latest=latest) if inserted else None
            return _finish(connection, step, batch_id, inserted, settled, newest_at)
    finally:
        has_begun.set()


def _start(connection: Connection, step: Step) -> int:
    lock_part(connection, "ingest")
    run(connection, "events/lock_events")
    return int(scalar(
        connection,
        "events/start_batch",
        source_name=min(step.positions),
        files=len(step.positions),
        received=step.received,
        rejected=len(step.set_aside),
    ))  # fmt: skip


def _write_new(connection: Connection, step: Step, batch_id: int) -> int:
    """Stage what the step's events mean, and write those that are new, as they came; return how many."""
    run(connection, "events/create_staging")
    copy(connection, "event_staging", FACT_COLUMNS, step.fact_rows())
    low, high = step.span()
    for identity in run(connection, "events/drop_known", low=low, high=high).scalars():
        del step.events[identity]
    inserted = len(step.events)
    if inserted:
        # Straight into their table, so that a large text is read and written once.
        copy(connection, "event.event", ("batch_id", *EVENT_COLUMNS), step.event_rows(), bigint(batch_id))
    step.order.clear()
    return inserted


def _fold(connection: Connection, batch_id: int, rest: Rest) -> int:
    """Fold new events into the known facts, and settle messages by them; return how many messages were settled."""
    run(connection, "events/create_said")
    run(connection, "events/log_words", batch_id=batch_id)
    match_staged(connection)
    fold_mails(connection, batch_id)
    for fold in ("resubscription", "suppression"):
        run(connection, f"events/fold_{fold}", batch_id=batch_id)
    run(connection, "events/lift_suppression", batch_id=batch_id)
    keep_lifted(connection)
    fold_soft_bounces(connection, batch_id, rest)
    settled = settle_by_events(connection)
    if scalar(connection, "events/has_answers"):
        _fold_answers(connection, batch_id)
    record_engagement(connection, batch_id)
    return settled


def _fold_answers(connection: Connection, batch_id: int) -> None:
    """Keep what was answered on our own pages; a yes to all mail goes to the log of consent, with its page and time."""
    run(connection, "events/fold_answers", batch_id=batch_id)
    run(connection, "events/mark_answers", batch_id=batch_id)
    for yes in run(connection, "events/confirmations").all():
        record_permission(connection, yes.customer_id, "confirmed", yes.said_at, yes.origin)
    take_birthdays(connection, batch_id)


def _finish(
    connection: Connection, step: Step, batch_id: int, inserted: int, settled: int, newest_at: datetime | None
) -> IngestReport:
    if step.set_aside:
        _keep_set_aside(connection, step.set_aside)
    duplicates = step.received - len(step.set_aside) - inserted
    run(
        connection, "events/finish_batch",
        batch_id=batch_id, inserted=inserted, duplicates=duplicates, newest_at=newest_at,
    )  # fmt: skip
    positions = orjson.dumps([asdict(position) for position in step.positions.values()]).decode()
    run(connection, "events/record_positions", positions=positions)
    return IngestReport(step.received, inserted, duplicates, len(step.set_aside), 0, settled)


def _keep_set_aside(connection: Connection, set_aside: Sequence[SetAside]) -> None:
    run(connection, "events/create_set_aside")
    copy(connection, "event_set_aside", SetAside._fields, map(_copy_row, set_aside))
    run(connection, "events/insert_set_aside")


def _copy_row(row: SetAside) -> bytes:
    return b"".join(bigint(value) if isinstance(value, int) else text(value) for value in row)
