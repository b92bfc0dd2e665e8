"""Roll-up of a million new events on top of two and of twenty million old ones, compared with a full recompute.

    python bench/roll_up.py [--scale 1.0] [--batches 5] [--profile]

The two warehouses differ only in the length of their history: eight and eighty days. A day has 88,750 mails, 250,000
events and 2,500 orders of the same customers. Both histories are longer than the five days in which a mail may reach
its goal, so an order finds the same number of mails in either.

SQL writes the history of mails, decisions and folded events in the form that an ingest writes; a sample proves that. A
roll-up never reads raw events. Then both get four days at a time, whose events are ingested the ordinary way, and each
roll-up is measured. The median counts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from exports import Mail, address_of, write_export
from measuring import PROFILES, Figure, report, say, timed, warehouse
from profiling import Clock, statements_clocked

from lifecycle_mail import kpis
from lifecycle_mail.events import ingest

SHORT_DAYS, LONG_DAYS, NEW_DAYS = 8, 80, 4
EVENTS_A_DAY, MAILS_A_DAY, ORDERS_A_DAY, CUSTOMERS = 250_000, 88_750, 2_500, 700_000
START = 1_772_409_600  # 2026-03-02 00:00 UTC
DAY_SECONDS = 86_400
LIMIT = 1.2
WAL_GIGABYTES = 4
LATER = dt.datetime(2026, 6, 20, tzinfo=dt.UTC)
CAMPAIGNS = ("cart_abandoned", "inactive", "birthday")
COUNTED = "cast(to_jsonb(counted) - 'as_of' as text)"
TABLES = ("campaign_daily", "event_daily", "campaign_revenue_daily", "order_credit", "list_daily", "step_outcome")

PEOPLE = (
    """insert into source.customer (customer_id, email, created_at, permission, permission_at, load_id)
    select 'c' || n, substr(md5('a' || n), 1, 12) || '@example.com', '2025-01-01', 'confirmed', '2025-01-01', 1
    from generate_series(1, cast(:customers as bigint)) as n""",
    """insert into source.permission_change (customer_id, permission, permission_at, origin)
    select customer_id, 'confirmed', '2025-01-01', 'feed' from source.customer""",
    """insert into journey.campaign
        (campaign, topic, is_marketing, segment, goal_event, goal_within_days, goal_target_ratio, exit_on,
         holdout_ratio, priority, definition, definition_md5)
    select name, 'reminders', true, name, 'order', 5, 0.15, array['order'], 0, 50, '{}', repeat('0', 32)
    from unnest(cast(:campaigns as text[])) as name""",
)
# A mail's number says everything about it: n = 1 is the first one ever sent.
MAIL = """
    select n, 'reminder' as step, (cast(:campaigns as text[]))[1 + n % 3] as campaign,
        'c' || 1 + n * 7919 % :customers as customer_id, case when n % 2 = 0 then 'a' else 'b' end as variant,
        to_timestamp(:start + (n - 1) * 86400 / :mails_a_day) as sent_at
    from generate_series(cast(:first as bigint), cast(:last as bigint)) as n"""
DAYS = (
    f"""with mail as ({MAIL})
    insert into decision.decision
        (decided_at, as_of, enrollment_id, step, campaign, customer_id, variant, outcome, reason, due_at)
    select sent_at - interval '1 hour', sent_at, n, step, campaign, customer_id, variant, 'send', 'eligible', sent_at
    from mail order by n""",  # noqa: S608
    f"""with mail as ({MAIL})
    insert into message.message
        (message_id, enrollment_id, step, campaign, customer_id, topic, variant, priority, shell_id, state,
         planned_at, not_before, expires_at, send_day, accepted_at, settled_at)
    select message.message_id(n, step), n, step, campaign, customer_id, 'reminders', variant, 50, 1, 'accepted',
        sent_at - interval '1 hour', sent_at, sent_at + interval '1 day', cast(sent_at as date), sent_at, sent_at
    from mail order by n""",  # noqa: S608
    """with load as (insert into source.load (finished_at) values (now()) returning load_id)
    insert into source.orders (order_id, customer_id, ordered_at, total, currency, load_id)
    select 'o' || n, 'c' || 1 + n * 104729 % :customers,
        to_timestamp(:start + (n - 1) * 86400 / :orders_a_day), n % 90, 'EUR', load.load_id
    from generate_series(cast(:first_order as bigint), cast(:last_order as bigint)) as n cross join load""",
)
FOLDED = f"""with mail as ({MAIL}),
    batch as (
        insert into event.batch (source_name, received, inserted, newest_at)
        values ('history', 0, 0, to_timestamp(:start)) returning batch_id
    )
    insert into event.engagement
        (enrollment_id, step, message_id, campaign, customer_id, first_event_at, processed_at, delivered_at,
         bounced_hard_at, reason, reason_at, first_open_at, last_open_at, first_machine_open_at, first_click_at,
         last_click_at, batch_id, last_delivered_at)
    select n, step, message.message_id(n, step), campaign, customer_id, second + interval '1 second',
        second + interval '1 second', case when n % 100 <> 7 then second + interval '9 seconds' end,
        case when n % 100 = 7 then second + interval '4 seconds' end,
        case when n % 100 = 7 then '550 5.1.1 no such user' end,
        case when n % 100 = 7 then second + interval '4 seconds' end,
        case when n % 100 < 36 and n % 100 <> 7 then second + interval '2 hours' end,
        case when n % 100 < 36 and n % 100 <> 7 then second + interval '3 hours' end,
        case when n % 4 = 0 then second + interval '70 seconds' end,
        case when n % 100 < 10 and n % 100 <> 7 then second + interval '130 minutes' end,
        case when n % 100 < 10 and n % 100 <> 7 then second + interval '130 minutes' end,
        batch.batch_id, case when n % 100 <> 7 then second + interval '9 seconds' end
    from (select mail.*, date_trunc('second', sent_at) as second from mail) as mail cross join batch
    order by n"""  # noqa: S608


@dataclass
class World:
    """A warehouse and the days it has lived."""

    own: sa.Engine
    folder: Path
    scale: float
    days: int
    clock: Clock = field(default_factory=Clock)

    @property
    def customers(self) -> int:
        """How many people there are, in any world of the scale."""
        return round(CUSTOMERS * self.scale)

    def mails(self, days: float) -> int:
        """How many mails that many days have."""
        return round(MAILS_A_DAY * self.scale * days)

    def values(self, first_day: int, last_day: int) -> dict[str, object]:
        """Binds for the days from `first_day` to before `last_day`."""
        orders = round(ORDERS_A_DAY * self.scale)
        return {
            "customers": self.customers, "campaigns": list(CAMPAIGNS), "start": START,
            "mails_a_day": self.mails(1), "orders_a_day": orders,
            "first": self.mails(first_day) + 1, "last": self.mails(last_day),
            "first_order": first_day * orders + 1, "last_order": last_day * orders,
        }  # fmt: skip

    def execute(self, statements: tuple[str, ...], values: dict[str, object]) -> None:
        """Run statements in one transaction, each with the binds it names."""
        with self.own.begin() as connection:
            for text in statements:
                wanted = {name: value for name, value in values.items() if f":{name}" in text}
                connection.execute(sa.text(text), wanted)

    def roll_up(self, full: bool = False) -> float:
        """Roll up as the product does. Return the seconds, and keep in `clock` what they were spent on."""
        with statements_clocked(self.own) as self.clock:
            done, seconds = timed(lambda: kpis.roll_up(self.own, reporting_zone="UTC", full=full, now=LATER))
        say(f"{self.days} days: {done} in {seconds:.2f} s")
        return seconds


def main() -> None:
    """Build both worlds, let them live on day after day, and report what their roll-ups take."""
    options = _options()
    wal_gigabytes = WAL_GIGABYTES * options.scale
    with (
        tempfile.TemporaryDirectory(prefix="bench-roll-up-") as folder,
        warehouse(wal_gigabytes) as one,
        warehouse(wal_gigabytes) as other,
    ):
        short = World(one, Path(folder), options.scale, SHORT_DAYS)
        long = World(other, Path(folder), options.scale, LONG_DAYS)
        for world in (short, long):
            _, seconds = timed(lambda world=world: _build(world))
            say(f"{world.days} days of history in {seconds:.0f} s")
        _prove_form(short)
        short.roll_up(full=True)
        full_seconds = long.roll_up(full=True)
        _settle_down((short, long))
        seconds = {world: [] for world in ("short", "long")}
        for _ in range(options.batches):
            for name, world in (("short", short), ("long", long)):
                for _ in range(NEW_DAYS):
                    _live_a_day(world)
                seconds[name].append(world.roll_up())
        if options.profile:
            _profile(short, long)
        _prove_same(short)
    report("roll_up", _figures(options.scale, seconds["short"], seconds["long"], full_seconds))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--batches", type=int, default=5, help="measured roll-ups of each world")
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def _build(world: World) -> None:
    values = world.values(0, world.days)
    with world.own.begin() as connection:
        for day in range(0, 120, 20):
            at = dt.datetime.fromtimestamp(START + day * DAY_SECONDS - 3600, dt.UTC)
            connection.execute(sa.text("select installation.ensure_month('decision.decision', :at)"), {"at": at})
        connection.exec_driver_sql("insert into source.load (finished_at) values (now())")
    world.execute((*PEOPLE, *DAYS), values)
    for day in range(world.days):
        world.execute((FOLDED,), world.values(day, day + 1))
    _settle_down((world,))


def _settle_down(worlds: tuple[World, ...]) -> None:
    for world in worlds:
        with world.own.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("vacuum analyze"))
            connection.execute(sa.text("checkpoint"))


KINDS = (
    ("processed_at", {"event": "processed"}), ("delivered_at", {"event": "delivered"}),
    ("bounced_hard_at", {"event": "bounce", "type": "bounce", "reason": "550 5.1.1 no such user"}),
    ("first_machine_open_at", {"event": "open", "sg_machine_open": True}), ("first_open_at", {"event": "open"}),
    ("last_open_at", {"event": "open"}), ("first_click_at", {"event": "click"}),
)  # fmt: skip


def _prove_form(world: World) -> None:
    """Take a sample of the folded history away, ingest its events, and find the same rows again."""
    taken = "delete from event.engagement where enrollment_id % 97 = 0 and enrollment_id < 40000 returning *"
    with world.own.begin() as connection:
        written = [dict(row._mapping) for row in connection.execute(sa.text(taken))]
    path = world.folder / "sample.ndjson"
    path.write_text("".join(f"{json.dumps(event)}\n" for row in written for event in _events_of(row)))
    ingest(world.own, path)
    again = sa.text("select * from event.engagement where enrollment_id % 97 = 0 and enrollment_id < 40000")
    with world.own.connect() as connection:
        ingested = [dict(row._mapping) for row in connection.execute(again)]
    for rows in (written, ingested):
        rows.sort(key=lambda row: row["enrollment_id"])
        for row in rows:
            del row["batch_id"]
    if not written or written != ingested:
        raise SystemExit("the history is not in the form an ingest writes")


def _events_of(row: dict[str, object]) -> Iterator[dict[str, object]]:
    for column, fields in KINDS:
        if at := row[column]:
            yield {
                "email": "a@example.com", "timestamp": int(at.timestamp()),
                "sg_event_id": f"{row['message_id']}{column}", "lm_message_id": str(row["message_id"]), **fields,
            }  # fmt: skip


def _live_a_day(world: World) -> None:
    """Add one day: mails, orders and 250,000 events. Some of the events are late opens of older mails."""
    world.execute(DAYS, world.values(world.days, world.days + 1))
    before, after = world.mails(world.days), world.mails(world.days + 1)
    # All of the day, then a few of the day before, and fewer of any time.
    numbers = [*range(before + 1, after + 1)]
    query = sa.text(
        "select enrollment_id, cast(message_id as text) from message.message"
        " where enrollment_id between :first and :last"
    )
    with world.own.connect() as connection:
        ids = dict(connection.execute(query, {"first": numbers[0], "last": numbers[-1]}).all())
        old = dict(connection.execute(sa.text(
            "select enrollment_id, cast(message_id as text) from message.message where enrollment_id = any(:wanted)"
        ), {"wanted": _late(world, before)}).all())  # fmt: skip
    path = world.folder / f"day-{len(list(world.folder.iterdir()))}.ndjson"
    pace, people = world.mails(1), world.customers
    mails = (Mail(n, ids[n], START + (n - 1) * DAY_SECONDS // pace, 1 + n * 7919 % people) for n in numbers)
    late = [_late_open(world, n, message_id) for n, message_id in old.items()]
    wanted = round(EVENTS_A_DAY * world.scale) - len(late)
    written = write_export(path, mails, wanted, seed=world.days)
    if written < wanted:
        raise SystemExit(f"only {written} of {wanted} events came together")
    with path.open("ab") as stream:
        stream.writelines(late)
    world.days += 1
    say(f"{world.days} days: {ingest(world.own, path)}")
    path.unlink()


def _late(world: World, before: int) -> list[int]:
    count = round(5_000 * world.scale)
    yesterday = world.mails(1)
    recent = [before - place * yesterday // count for place in range(count)]
    return sorted({*recent, *(1 + place * before // (count // 10) for place in range(count // 10))})


def _late_open(world: World, number: int, message_id: str) -> bytes:
    event = {
        "lm_message_id": message_id, "email": address_of(1 + number * 7919 % world.customers),
        "timestamp": START + world.days * DAY_SECONDS + number % DAY_SECONDS, "event": "open",
        "sg_event_id": f"late-{world.days}-{number}", "sg_machine_open": False,
    }  # fmt: skip
    return json.dumps(event).encode() + b"\n"


def _prove_same(world: World) -> None:
    """After all increments a full roll-up finds every number as it is."""

    def numbers() -> list[object]:
        with world.own.connect() as connection:
            return [
                connection.execute(sa.text(
                    f"select count(*), sum(hashtextextended({COUNTED}, 0)) from kpi.{table} as counted"  # noqa: S608
                )).one()
                for table in TABLES
            ]  # fmt: skip

    incremental = numbers()
    world.roll_up(full=True)
    if numbers() != incremental or kpis.check(world.own):
        raise SystemExit("the incremental roll-ups differ from a full one")


BOUND_BY = (
    "one database connection judging and storing the steps that events touched; no statement reads the history"
    " beyond index probes"
)


def _figures(scale: float, short: list[float], long: list[float], full_seconds: float) -> list[Figure]:
    events = f"{round(EVENTS_A_DAY * NEW_DAYS * scale):,} new events"
    over = {days: f"{round(EVENTS_A_DAY * scale) * days:,}" for days in (SHORT_DAYS, LONG_DAYS)}
    on_short, on_long = statistics.median(short), statistics.median(long)
    # Each measured day makes both histories longer, the short one by more of its length: the first pair counts too.
    growth = max(on_long / on_short, long[0] / short[0])
    seconds = {"on_short_seconds": [round(x, 2) for x in short], "on_long_seconds": [round(x, 2) for x in long]}
    return [
        Figure(
            name="roll_up_growth",
            what=f"roll-up of {events} on top of {over[LONG_DAYS]} old ones, against {over[SHORT_DAYS]}: the first"
            " pair, or the medians of five where they grow more",
            value=round(growth, 3), unit="times", better="lower",
            limit=LIMIT if scale == 1 else None, bound_by=BOUND_BY, details=seconds,
        ),
        Figure(
            name="roll_up_seconds",
            what=f"roll-up of {events} on top of {over[LONG_DAYS]} old ones",
            value=round(on_long, 2), unit="seconds", better="lower",
            peer="full recompute of the old ones alone", peer_value=round(full_seconds, 2), bound_by=BOUND_BY,
            details=seconds,
        ),
    ]  # fmt: skip


def _profile(short: World, long: World) -> None:
    """Keep what each statement took in the last roll-up of both worlds."""
    PROFILES.mkdir(parents=True, exist_ok=True)
    a_day = round(EVENTS_A_DAY * long.scale)
    events = a_day * NEW_DAYS
    (PROFILES / "roll_up.txt").write_text("".join(
        f"Roll-up of {events:,} new events on top of {a_day * days:,} old ones, one connection.\n\n"
        f"{world.clock.table(events, 'event', 12)}\n\n"
        for days, world in ((SHORT_DAYS, short), (LONG_DAYS, long))
    ))  # fmt: skip


if __name__ == "__main__":
    main()
