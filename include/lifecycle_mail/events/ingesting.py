"""Steps of staged events → deduplicated rows, first facts, suppressions, settled messages: one commit a step.

Third stop inside the events stage, and the only one that writes. Each step is one transaction that also
records how far its files were read, so a kill at any moment loses nothing and counts nothing twice. While
the database works on one step, the next is read and parsed.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, raw_cursor, run, scalar
from lifecycle_mail.events.parsing import (
    EVENT_COLUMNS,
    FACT_COLUMNS,
    LATEST_EPOCH,
    Rules,
)
from lifecycle_mail.events.reading import Position, Reader, SetAside, Step, export_files
from lifecycle_mail.messages.settling import settle_by_events
from lifecycle_mail.sources import record_engagement

logger = logging.getLogger(__name__)

EVENTS_A_STEP = 200_000
COPY_BYTES = 1 << 24
FUTURE_DAYS = 2  # clocks of servers differ, but not by more
Progress = Callable[[str, int, int], None]


def _silent(source_name: str, received: int, inserted: int) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class IngestReport:
    """Counts of one ingest: received = inserted + duplicates + rejected; files read, messages settled."""

    received: int = 0
    inserted: int = 0
    duplicates: int = 0
    rejected: int = 0
    files: int = 0
    settled: int = 0

    def counts(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)

    def plus(self, other: IngestReport) -> IngestReport:
        """Return the sum of two reports, field by field."""
        return IngestReport(**{name: value + getattr(other, name) for name, value in asdict(self).items()})


def ingest(
    engine: Engine,
    path: Path,
    *,
    topics: Mapping[int, str] | None = None,
    now: datetime | None = None,
    events_a_step: int = EVENTS_A_STEP,
    progress: Progress = _silent,
) -> IngestReport:
    """Take every event of an export file, or of all export files in a folder, that is not here yet.

    `topics` maps SendGrid's unsubscribe groups to our topics; leaving an unknown group counts as leaving all.
    `now`, where given, refuses events more than two days after it. After each committed step `progress` is
    called with the step's first file and the events received and inserted so far. Lines that cannot be taken
    go to event.rejected; a file that was read to its end and has not grown is not read again.

    Raises:
        EventsError: the path, or a file in it, cannot be read; the steps before it are committed.
    """
    rules = Rules(topics or {}, _latest_epoch(now))
    total, names = IngestReport(), set[str]()
    with _alone(engine):
        reader = Reader(_positions(engine), rules, events_a_step)
        for step in _ahead(reader.steps(export_files(path))):
            with engine.begin() as connection:
                total = total.plus(_take_step(connection, step))
            names.update(step.positions)
            progress(min(step.positions), total.received, total.inserted)
    logger.info("ingested events: %s from %d files", total, len(names))
    return total.plus(IngestReport(files=len(names)))


def _latest_epoch(now: datetime | None) -> int:
    if now is None:
        return LATEST_EPOCH
    return int((now.astimezone(UTC) + timedelta(days=FUTURE_DAYS)).timestamp())


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Hold the ingest lock on a connection of its own, over all the steps' transactions."""
    with engine.connect() as holder, holder.begin():
        lock(holder, "ingest")
        yield


def _ahead(steps: Iterator[Step]) -> Iterator[Step]:
    """Yield the steps while a thread already reads the next: database and parser work side by side."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(next, steps, None)
        while (step := coming.result()) is not None:
            coming = pool.submit(next, steps, None)
            yield step


def _positions(engine: Engine) -> dict[str, Position]:
    with engine.connect() as connection:
        rows = run(connection, "events/file_positions")
        return {row.source_name: Position(**row._mapping) for row in rows}


def _take_step(connection: Connection, step: Step) -> IngestReport:
    batch_id = scalar(
        connection,
        "events/start_batch",
        source_name=min(step.positions),
        files=len(step.positions),
        received=step.received,
        rejected=len(step.set_aside),
    )
    fresh = _take_new(connection, step) if step.events else []
    settled = _keep(connection, fresh, batch_id) if fresh else 0
    if step.set_aside:
        _keep_set_aside(connection, step.set_aside)
    duplicates = step.received - len(step.set_aside) - len(fresh)
    newest_at = scalar(connection, "events/newest_staged") if fresh else None
    run(
        connection, "events/finish_batch",
        batch_id=batch_id, inserted=len(fresh), duplicates=duplicates, newest_at=newest_at,
    )  # fmt: skip
    positions = orjson.dumps([asdict(position) for position in step.positions.values()]).decode()
    run(connection, "events/record_positions", positions=positions)
    return IngestReport(step.received, len(fresh), duplicates, len(step.set_aside), 0, settled)


def _take_new(connection: Connection, step: Step) -> list[bytes]:
    """Stage what the step's events mean; return the lines of those not here yet, as event_staging has them then."""
    run(connection, "events/create_staging")
    _copy(connection, "event_staging", FACT_COLUMNS, b"".join(step.facts.values()))
    span = run(connection, "events/staged_span").one()
    for identity in run(connection, "events/drop_known", low=span.low, high=span.high).scalars():
        del step.events[identity]
    return list(step.events.values())


def _keep(connection: Connection, fresh: Sequence[bytes], batch_id: int) -> int:
    """Write new events, fold them, and settle messages by them; return how many messages were settled."""
    run(connection, "events/ensure_months")
    _write(connection, fresh, batch_id)
    run(connection, "events/create_folded")
    for fold in ("engagement", "resubscription", "suppression"):
        run(connection, f"events/fold_{fold}", batch_id=batch_id)
    run(connection, "events/lift_suppression", batch_id=batch_id)
    settled = settle_by_events(connection)
    record_engagement(connection, batch_id)
    return settled


def _write(connection: Connection, lines: Sequence[bytes], batch_id: int) -> None:
    """Write the events as they came. Straight into their table: a large text is read and written once."""
    batch = f"{batch_id}\t".encode()
    _copy(connection, "event.event", ("batch_id", *EVENT_COLUMNS), batch + batch.join(lines))


def _keep_set_aside(connection: Connection, set_aside: Sequence[SetAside]) -> None:
    run(connection, "events/create_set_aside")
    rows = b"".join(_copy_row(row) for row in set_aside)
    _copy(connection, "event_set_aside", SetAside._fields, rows)
    run(connection, "events/insert_set_aside")


def _copy_row(row: SetAside) -> bytes:
    fields = (str(field).translate(_COPY_ESCAPES) for field in row)
    return ("\t".join(fields) + "\n").encode()


_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: bytes) -> None:
    # The text format, unlike CSV, leaves the many quotes of JSON alone.
    with raw_cursor(connection) as cursor:
        # In large pieces: while the next step is parsed, every piece waits for the interpreter.
        cursor.copy_expert(f"copy {table} ({', '.join(columns)}) from stdin", io.BytesIO(rows), COPY_BYTES)
