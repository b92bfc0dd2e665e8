"""Event export → deduplicated facts, compared with a bare COPY of the same lines.

    python bench/events.py [--scale 1.0] [--profile]

The export holds five million events of 1.7 million accepted mails, as a provider posts them: 5 % are repeated within a
day; there are opens by people and by machines, clicks, deferrals, bounces, complaints and unsubscribes. The export is
ingested the ordinary way, and raw events are kept. The peer is COPY of the same lines into a table with one text
column.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from exports import Mail, write_export
from measuring import PROFILES, Figure, bytes_a_row, report, say, timed, warehouse
from profiling import Clock, statements_clocked

from lifecycle_mail.events import IngestReport, ingest, ingesting, taking
from lifecycle_mail.events.export_reader import Reader, export_files
from lifecycle_mail.events.parsing import Rules

EVENTS, MAILS_A_THOUSAND_EVENTS = 5_000_000, 340
START = 1_772_438_400  # 2026-03-02 08:00 UTC
SENDING_SECONDS = 36 * 3600
LIMIT = 70_000
WAL_GIGABYTES = 8
TOPICS = {7: "reminders"}
GROWING = ("event.event", "event.engagement")
WORLD = (
    "insert into source.load (finished_at) values (now())",
    """insert into source.customer
        (customer_id, email, created_at, permission, permission_at, load_id)
    select 'c' || n, substr(md5('a' || n), 1, 12) || '@example.com', '2025-01-01', 'confirmed', '2025-01-01', 1
    from generate_series(1, cast(:customers as bigint)) as n""",
    """insert into source.customer_activity (customer_id, first_order_at, last_order_at, order_count)
    select 'c' || n, '2025-06-01', '2025-06-01', 1 from generate_series(1, cast(:customers as bigint)) as n
    where n % 2 = 0""",
    """insert into journey.campaign
        (campaign, topic, is_marketing, segment, goal_event, goal_within_days, goal_target_ratio, exit_on,
         holdout_ratio, priority, definition, definition_md5)
    values ('cart_abandoned', 'reminders', true, 'cart_abandoned', 'order', 5, 0.15, array['order'], 0, 50, '{}',
        repeat('0', 32))""",
    """insert into message.message
        (message_id, enrollment_id, step, campaign, customer_id, topic, variant, priority, shell_id, state,
         planned_at, not_before, expires_at, send_day, accepted_at, settled_at)
    select message.message_id(n, 'reminder'), n, 'reminder', 'cart_abandoned', 'c' || 1 + n * 7919 % :customers,
        'reminders', 'default', 50, 1, case when n % 2000 = 0 then 'in_doubt' else 'accepted' end,
        '2026-03-02', '2026-03-02', '2026-04-02', '2026-03-02',
        case when n % 2000 > 0 then to_timestamp(:start + n * :seconds / :mails) end,
        case when n % 2000 > 0 then to_timestamp(:start + n * :seconds / :mails) end
    from generate_series(1, cast(:mails as bigint)) as n""",
)


def main() -> None:
    """Build the world and the export, ingest, compare and report."""
    options = _options()
    events = round(EVENTS * options.scale)
    with (
        tempfile.TemporaryDirectory(prefix="bench-events-", dir=options.folder) as folder,
        warehouse(WAL_GIGABYTES * options.scale) as own,
    ):
        export = Path(folder) / "export.ndjson"
        mails = events * MAILS_A_THOUSAND_EVENTS // 1000
        ids = _world(own, mails)
        _, seconds = timed(lambda: _write(export, ids, events))
        size = export.stat().st_size
        say(f"wrote {events} events of {size // events} bytes in {seconds:.0f} s")
        copied, copy_seconds = timed(lambda: _copy(own, export))
        say(f"COPY alone: {copied / copy_seconds:,.0f} a second")
        with statements_clocked(own) as clock, _copies_clocked(clock):
            counts, seconds = timed(lambda: ingest(own, export, topics=TOPICS))
        say(f"ingested {counts} in {seconds:.1f} s: {events / seconds:,.0f} a second")
        _check(own, counts, events)
        stored = {f"{table}_bytes_an_event": bytes_a_row(own, table, counts.inserted) for table in GROWING}
        if options.profile:
            _profile(export, events, clock, seconds)
    report("events", [Figure(
        name="events_per_second",
        what=f"event export to deduplicated facts, {events:,} events, raw events kept",
        value=round(events / seconds),
        unit="events a second",
        better="higher",
        limit=LIMIT if options.scale == 1 else None,
        peer="raw COPY of the same lines into one text column",
        peer_value=round(copied / copy_seconds),
        bound_by=BOUND_BY,
        details={"seconds": round(seconds, 1), "bytes_an_event": size // events, **stored, **counts.counts()},
    )])  # fmt: skip


BOUND_BY = (
    "both processors: two connections write and fold, half of their time COPY into event.event with its three"
    " indexes, and parsing takes a fifth of the processors beside them"
)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--folder", help="where the export is written; the default is the system's")
    return parser.parse_args()


def _world(own: sa.Engine, mails: int) -> list[str]:
    values = {"customers": mails // 2, "mails": mails, "start": START, "seconds": SENDING_SECONDS}
    with own.begin() as connection:
        for text in WORLD:
            wanted = {name: value for name, value in values.items() if f":{name}" in text}
            connection.execute(sa.text(text), wanted)
    with own.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("vacuum analyze"))
        connection.execute(sa.text("checkpoint"))
        found = connection.execute(
            sa.text("select cast(message_id as text) from message.message order by enrollment_id")
        )
        ids = list(found.scalars())
    say(f"{mails} accepted mails")
    return ids


def _write(export: Path, ids: list[str], events: int) -> None:
    customers = len(ids) // 2
    mails = (
        Mail(place, message_id, START + place * SENDING_SECONDS // len(ids), 1 + place * 7919 % customers)
        for place, message_id in enumerate(ids, start=1)
    )
    if write_export(export, mails, events) < events:
        raise SystemExit("the mails give too few events")


def _copy(own: sa.Engine, export: Path) -> int:
    """COPY the lines as they are: a control character no line holds stands for the quote, so none is undone."""
    with own.begin() as connection:
        connection.exec_driver_sql("create table public.line (line text)")
        with export.open("rb") as stream, connection.connection.cursor() as cursor:
            cursor.copy_expert(
                r"copy public.line from stdin with (format csv, quote e'\x01', delimiter e'\x02')", stream
            )
            count = cursor.rowcount
    with own.begin() as connection:
        connection.exec_driver_sql("drop table public.line")
    with own.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("checkpoint"))
    return int(count)


def _check(own: sa.Engine, counts: IngestReport, events: int) -> None:
    """Stop if an event is missing or stored twice, or if a mail that has an event is still in doubt."""
    with own.connect() as connection:
        kept, ids, raw = connection.execute(
            sa.text("select count(*), count(distinct sg_event_id), count(raw) from event.event")
        ).one()
        folded = connection.execute(sa.text("select count(*) from event.engagement")).scalar_one()
        doubt = connection.execute(
            sa.text("select count(*) from message.message where state <> 'accepted'")
        ).scalar_one()
    if not (kept == ids == raw == counts.inserted == events - counts.duplicates and folded and not doubt):
        raise SystemExit(f"wrong: {kept} kept, {ids} ids, {raw} raw, {counts.inserted} new, {doubt} in doubt still")


def _profile(export: Path, events: int, clock: Clock, seconds: float) -> None:
    rules = Rules(TOPICS)
    began = time.process_time()
    for _ in Reader({}, rules, ingesting.EVENTS_A_STEP).steps(export_files(export)):
        pass
    parsing = time.process_time() - began
    PROFILES.mkdir(parents=True, exist_ok=True)
    (PROFILES / "events.txt").write_text(
        f"Ingest of {events:,} events: {seconds:.1f} s, {seconds / events * 1e6:.2f} us an event.\n"
        f"Reading and parsing alone: {parsing:.1f} s of processor, {parsing / events * 1e6:.2f} us an event, in a"
        f" thread beside\nthe database, whose two connections spent, waits for each other included:\n\n"
        f"{clock.table(events, 'event')}\n"
    )


@contextmanager
def _copies_clocked(clock: Clock) -> Iterator[None]:
    """Clock COPY too, which passes the database layer by."""
    plain = taking.copy

    def clocked(connection: sa.Connection, table: str, *rest: Any) -> None:
        _, seconds = timed(lambda: plain(connection, table, *rest))
        clock.add(f"copy {table}", seconds)

    taking.copy = clocked
    try:
        yield
    finally:
        taking.copy = plain


if __name__ == "__main__":
    main()
