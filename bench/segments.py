"""What an hour costs the segments: 10,000 new orders' activity and four refreshes, on a shop of 10,000,000 orders.

    .venv/bin/python bench/segments.py [--scale 1.0] [--profile]

The shop has 1,000,000 customers with birthdays in all months and ten time zones, 10,000,000 orders over three years
with 20,000,000 lines, 50,000 open carts and 3,000 products. A quarter of the products are consumables: some have a
daily use, for others the customer's own rhythm counts.

The shop is put in place as a backup is restored. Then the feed of an hour and the refreshes run by the product's
ordinary path, two at a time, as the DAGs of several campaigns run them. The same run computes the four segments from
the facts in plain SQL, and in pandas over the whole tables, and checks that all find the same members.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import sqlalchemy as sa
from measuring import PROFILES, Figure, report, say, timed, warehouse
from sqlalchemy.engine import Engine

from lifecycle_mail import segments, sources
from lifecycle_mail.database import statement
from lifecycle_mail.sources import loading

NOW = datetime(2026, 11, 17, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEGMENTS = ("inactive", "cart_abandoned", "replenishment_due", "birthday_this_month")
LIMIT_SECONDS = 5.0
SIZES = {"customers": 1_000_000, "orders": 10_000_000, "carts": 50_000, "new_orders": 10_000}
PRODUCTS = 3_000
FED = ("order_line", "orders", "customer", "product", "cart", "cart_line")

# The customer of order n, computed from the number n alone, so that tables are written side by side. Some buy a lot.
WHOSE = """'c' || cast(floor(:customers * power(cast(hashint8extended(n, 7) & 1073741823 as double precision)
    / 1073741824, cast(1.3 as double precision))) as bigint)"""
WORLD = {
    "product": """
        insert into source.product (product_id, name, product_type, price, currency, is_consumable, units_per_pack,
            daily_use, delivery_days, url, load_id)
        select 'p' || n, 'Product ' || n, case when n % 4 = 0 then 'refill ' || n % 44 else 'thing ' || n % 110 end,
            5 + n % 90, 'EUR', n % 4 = 0, 30 * (1 + n % 3), case when n % 44 < 28 then 1 + n % 2 end,
            n % 5, 'https://shop.example.com/p/' || n, 1
        from generate_series(1, :products) as n""",
    "customer": """
        insert into source.customer (customer_id, email, created_at, first_name, locale, timezone, country, currency,
            birthday, permission, permission_at, load_id)
        select 'c' || n, 'c' || n || '@example.com', cast(:now as timestamptz) - interval '3 years', 'Ada', 'en',
            (array['UTC','Europe/Berlin','Asia/Bangkok','Asia/Tehran','Asia/Jerusalem','Asia/Taipei',
                'America/New_York','America/Los_Angeles','Australia/Sydney','Europe/London'])[1 + n % 10],
            'DE', 'EUR', date '1950-01-01' + cast((hashint8extended(n, 3) & 1048575) % 18000 as integer),
            'confirmed', cast(:now as timestamptz) - interval '3 years', 1
        from generate_series(0, :customers - 1) as n""",
    "orders": """
        insert into source.orders (order_id, customer_id, ordered_at, total, currency, status, load_id)
        select 'o' || n, <whose>,
            cast(:now as timestamptz) - (:orders - n + 1) * (interval '1095 days' / :orders), 20 + n % 80, 'EUR',
            case when n % 50 = 0 then 'cancelled' when n % 77 = 0 then 'refunded' else 'placed' end, 1
        from generate_series(1, :orders) as n""",
    # A third of the lines are consumables of the customer's two favourite kinds, so that people come back for them.
    "order_line": """
        insert into source.order_line (order_id, line_no, product_id, quantity, unit_price, load_id)
        select 'o' || n, line, 'p' || case
                when (hashint8extended(n, line) & 1023) < 340 then 4 * (1 + (
                    11 * ((hashint8extended(n, 10 + line) & 1023) % 17)
                    + 5 * ((hashint8extended(n, 20 + line) & 1023) % 2)
                    + (hashtext(<whose>) & 1048575) % 11) % (:products / 4))
                else 1 + (hashint8extended(n, 30 + line) & 1048575) % :products end,
            1 + (n + line) % 2, 10, 1
        from generate_series(1, :orders) as n
        cross join lateral generate_series(1, 1 + (hashint8extended(n, 5) & 1023) % 3) as line""",
    "cart": """
        insert into source.cart (cart_id, customer_id, created_at, updated_at, status, url, load_id)
        select 'k' || n, 'c' || (hashint8extended(n, 9) & 1073741823) % :customers, at, at,
            case when n % 3 = 0 then 'ordered' else 'open' end, 'https://shop.example.com/cart/' || n, 1
        from generate_series(1, :carts * 3 / 2) as n
        cross join lateral (
            select cast(:now as timestamptz) - n * (interval '10 days' / (:carts * 3 / 2)) as at
        ) as change""",
    "cart_line": """
        insert into source.cart_line (cart_id, product_id, quantity, unit_price, load_id)
        select 'k' || n, 'p' || (1 + (n * 7 + line * 13) % :products), 1, 10 + line, 1
        from generate_series(1, :carts * 3 / 2) as n cross join generate_series(1, 3) as line""",
    "engagement": """
        insert into event.engagement (enrollment_id, step, message_id, campaign, customer_id, first_event_at,
            first_open_at, last_open_at, batch_id)
        select n, 'one', gen_random_uuid(), 'any', 'c' || (hashint8extended(n, 11) & 1073741823) % :customers, at, at,
            case when n % 3 = 0 then at end, 1
        from generate_series(1, :customers / 2) as n
        cross join lateral (
            select cast(:now as timestamptz) - n * (interval '1000 days' / :customers * 2) as at
        ) as sent""",
}  # fmt: skip
# The tables that the product keeps from the facts, by its own statements.
KEPT = {
    "supply": "insert into source.supply select * from source.supply_at('infinity')",
    "customer_activity": """
        insert into source.customer_activity (customer_id, first_order_at, last_order_at, order_count, last_view_at,
            last_open_at, last_click_at) """ + statement("sources/activity_full").text,
}  # fmt: skip


def make_world(own: Engine, sizes: dict[str, int], world: dict[str, str] = WORLD) -> None:
    """Put the shop in place as a backup is restored: rows, then indexes, then the tables kept from the facts."""
    with own.begin() as connection:
        loaded = sa.text("insert into source.load (finished_at) values (:at)")
        connection.execute(loaded, {"at": NOW - timedelta(days=2)})
    fed = (*FED, *(table for table in world if table not in (*FED, "engagement")))
    rebuild = {table: _strip(own, table) for table in (*fed, *KEPT)}
    side_by_side([partial(_fill, own, f"source.{table}", world[table], sizes) for table in fed])
    _fill(own, "event.engagement", world["engagement"], sizes)
    say("rows written; now indexes")
    side_by_side([partial(execute, own, *rebuild[table]) for table in fed])
    say("indexes built; now the tables kept from the facts")
    side_by_side([partial(_fill, own, f"source.{table}", KEPT[table], sizes) for table in KEPT])
    for table in KEPT:
        execute(own, *rebuild[table])


_KEYS = sa.text(
    "select conname, pg_get_constraintdef(oid) from pg_constraint"
    " where contype = 'p' and conrelid = cast('source.' || cast(:table as text) as regclass)"
)
_INDEXES = sa.text(
    "select indexname, indexdef from pg_indexes"
    " where schemaname = 'source' and tablename = :table and indexname <> all(:keys)"
)


def _strip(own: Engine, table: str) -> list[str]:
    """Drop the key and the indexes of a table; return the commands that bring them back, and its statistics."""
    with own.begin() as connection:
        keys = connection.execute(_KEYS, {"table": table}).all()
        named = {"table": table, "keys": [name for name, _ in keys]}
        indexes = connection.execute(_INDEXES, named).all()
        for name, _ in keys:
            connection.exec_driver_sql(f"alter table source.{table} drop constraint {name}")
        for name, _ in indexes:
            connection.exec_driver_sql(f"drop index source.{name}")
    made = [f"alter table source.{table} add constraint {name} {what}" for name, what in keys]
    return [*made, *(what for _, what in indexes), f"vacuum analyze source.{table}"]


def _fill(own: Engine, table: str, command: str, sizes: dict[str, int]) -> None:
    text = sa.text(command.replace("<whose>", WHOSE))
    given = {**sizes, "now": NOW}
    with own.begin() as connection:
        # Restored, not loaded: what triggers note is made at the end for all.
        connection.exec_driver_sql("set local session_replication_role = replica")
        connection.exec_driver_sql("set local work_mem = '512MB'")
        connection.execute(text, {name: given[name] for name in text.compile().params})
    say(f"  {table} written")


def execute(own: Engine, *commands: str) -> None:
    """Give the server commands that no transaction may hold, one after the other."""
    with own.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for command in commands:
            connection.exec_driver_sql(command)


def side_by_side(steps: list[Callable[[], Any]]) -> None:
    """Run the steps on two threads, the first ones first; an error of any is raised at the end."""
    waiting, errors = list(steps), []

    def work() -> None:
        while waiting:
            step = waiting.pop(0)
            try:
                step()
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def write_feed(folder: Path, sizes: dict[str, int]) -> None:
    """Write the hour's feed: new orders of any customers, one to three lines each, as the shop would send it."""
    chance = random.Random(1)
    with (folder / "orders.csv").open("w") as orders, (folder / "order_lines.csv").open("w") as lines:
        order, line = csv.writer(orders), csv.writer(lines)
        order.writerow(("order_id", "customer_id", "ordered_at", "total", "currency"))
        line.writerow(("order_id", "line_no", "product_id", "quantity", "unit_price"))
        for number in range(sizes["new_orders"]):
            at = NOW + HOUR * ((number + 1) / sizes["new_orders"])
            who = int(sizes["customers"] * chance.random() ** 1.3)
            order.writerow((f"n{number}", f"c{who}", at.isoformat(), 30, "EUR"))
            for place in range(1, 2 + number % 3):
                product = 1 + chance.randrange(sizes["products"])
                line.writerow((f"n{number}", place, f"p{product}", 1 + place % 2, 10))


class Stopwatch:
    """Seconds spent in functions of the product while it is watched, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def watch(self, module: Any, *names: str) -> Iterator[None]:
        """Take the time of `names` of `module` until the block ends."""
        kept = {name: getattr(module, name) for name in names}
        for name, function in kept.items():
            setattr(module, name, self._timed(name, function))
        try:
            yield
        finally:
            for name, function in kept.items():
                setattr(module, name, function)

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def step(*given: Any) -> Any:
            result, seconds = timed(lambda: function(*given))
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds
            return result

        return step


def load_hour(own: Engine, folder: Path) -> dict[str, float]:
    """Load the hour's feed; return the seconds of the whole load, and of each part that keeps activity."""
    watch = Stopwatch()
    execute(own, "alter database postgres set track_functions = 'pl'")
    own.dispose()
    with watch.watch(loading, "touch_customers", "refresh_activity", "settle_supplies"):
        loaded, seconds = timed(lambda: sources.load_feeds(own, folder, link_secret="bench", now=NOW + HOUR))
    own.dispose()  # a session reports its triggers when it ends
    time.sleep(1)
    with own.connect() as connection:
        noting = "select coalesce(sum(total_time), 0) / 1000 from pg_stat_user_functions"
        watch.seconds["note_supply_change"] = float(connection.execute(sa.text(noting)).scalar_one())
    say(f"loaded {loaded.counts()} in {seconds:.2f} s")
    return {"whole_load": seconds, **watch.seconds}


def refresh_all(own: Engine, as_of: datetime) -> tuple[float, dict[str, float], dict[str, segments.SegmentCounts]]:
    """Refresh the four segments, two at a time; return the seconds of all, and seconds and counts by segment."""
    took, counts = {}, {}

    def step(name: str) -> None:
        counts[name], took[name] = timed(lambda: segments.refresh(own, name, as_of))
        say(f"  {name} {took[name]:.2f} s, {counts[name]}")

    _, seconds = timed(lambda: side_by_side([partial(step, name) for name in SEGMENTS]))
    say(f"  all {seconds:.2f} s")
    return seconds, took, counts


# The same four numbers from the facts: what would be asked each hour if nothing were kept.
FULL_SQL = {
    "inactive": """
        select count(*) from (
            select customer_id, max(at) as last_at from (
                select customer_id, ordered_at as at from source.orders where status <> 'cancelled'
                union all select customer_id, viewed_at from source.page_view
                union all select customer_id, greatest(last_open_at, last_click_at) from event.engagement
            ) as fact where at <= :as_of group by customer_id
        ) as last inner join source.customer using (customer_id)
        where erased_at is null and last_at <= :as_of - interval '90 days'""",
    "cart_abandoned": """
        select count(*) from source.cart inner join source.customer using (customer_id)
        left join (
            select customer_id, max(ordered_at) as last_at from source.orders
            where status <> 'cancelled' and ordered_at <= :as_of group by customer_id
        ) as last using (customer_id)
        where cart.status = 'open' and erased_at is null
            and updated_at between :as_of - interval '7 days' and :as_of - interval '1 hour'
            and cart_id in (select cart_id from source.cart_line) and (last_at <= updated_at or last_at is null)""",
    "replenishment_due": """
        select count(*) from source.supply_at(:as_of) as supply inner join source.customer using (customer_id)
        where erased_at is null and reorder_at <= :as_of + interval '3 days'
            and reorder_at > :as_of - interval '4 days'""",
    "birthday_this_month": """
        select count(*) from source.customer left join pg_timezone_names on timezone = name
        where erased_at is null and created_at <= :as_of
            and extract(month from birthday) = extract(month from :as_of at time zone coalesce(name, 'UTC'))""",
}


def by_full_sql(own: Engine, as_of: datetime) -> tuple[dict[str, float], dict[str, int]]:
    """Count the four segments from all facts in SQL; return seconds and members by segment."""
    took, found = {}, {}
    with own.connect() as connection:
        for name, text in FULL_SQL.items():
            query = sa.text(text.replace(":as_of", "cast(:as_of as timestamptz)")).bindparams(as_of=as_of)
            found[name], took[name] = timed(lambda query=query: connection.execute(query).scalar_one())
            say(f"  {name} {took[name]:.2f} s, {found[name]}")
    return took, found


def by_pandas(own: Engine, folder: Path, as_of: datetime) -> tuple[dict[str, float], dict[str, int]]:
    """Read the tables into pandas and count the four segments there; seconds of reading and of each."""
    frame, reading = timed(lambda: _read_tables(own, folder))
    took, found = {"reading": reading}, {}
    orders = frame["orders"]
    orders = orders[(orders.status != "cancelled") & (orders.ordered_at <= as_of)]
    steps: dict[str, Callable[[], int]] = {
        "inactive": lambda: _inactive(frame, orders, as_of),
        "cart_abandoned": lambda: _abandoned(frame, orders, as_of),
        "replenishment_due": lambda: _due(frame, orders, as_of),
        "birthday_this_month": lambda: _birthdays(frame, as_of),
    }
    for name, step in steps.items():
        found[name], took[name] = timed(step)
        say(f"  {name} {took[name]:.2f} s, {found[name]}")
    return took, found


# Times as microseconds: read_csv takes them many times faster than texts.
COLUMNS = {
    "source.customer": "customer_id, timezone, extract(month from birthday) as birth_month",
    "source.product": "product_id, product_type, cast(is_consumable as integer) as is_consumable, units_per_pack,"
    " daily_use, delivery_days",
    "source.orders": "order_id, customer_id, cast(extract(epoch from ordered_at) * 1000000 as bigint) as ordered_at,"
    " status",
    "source.order_line": "order_id, product_id, quantity",
    "source.cart": "cart_id, customer_id, cast(extract(epoch from updated_at) * 1000000 as bigint) as updated_at,"
    " status",
    "event.engagement": "customer_id,"
    " cast(extract(epoch from greatest(last_open_at, last_click_at)) * 1000000 as bigint) as at",
}
TIMES = ("ordered_at", "updated_at", "at")


def _read_tables(own: Engine, folder: Path) -> dict[str, pd.DataFrame]:
    """COPY each table to CSV and read it: several times faster than read_sql."""
    frames = {}
    for name, columns in COLUMNS.items():
        table = name.partition(".")[2]
        path = folder / f"{table}.csv"
        with own.connect() as connection, path.open("wb") as stream:
            raw: Any = connection.connection.driver_connection
            copy = f"copy (select {columns} from {name}) to stdout with (format csv, header)"  # noqa: S608
            raw.cursor().copy_expert(copy, stream)
        frames[table] = pd.read_csv(path, engine="pyarrow", dtype_backend="pyarrow")
        for at in set(TIMES) & set(frames[table]):
            frames[table][at] = pd.to_datetime(frames[table][at].astype("Int64"), unit="us", utc=True)
        path.unlink()
        say(f"  read {table}: {len(frames[table])} rows")
    return frames


def _inactive(frame: dict[str, pd.DataFrame], orders: pd.DataFrame, as_of: datetime) -> int:
    opens = frame["engagement"].dropna()
    opens = opens[opens["at"] <= as_of].rename(columns={"at": "ordered_at"})
    last = pd.concat([orders[["customer_id", "ordered_at"]], opens]).groupby("customer_id").ordered_at.max()
    return int((last[last.index.isin(frame["customer"].customer_id)] <= as_of - timedelta(days=90)).sum())


def _abandoned(frame: dict[str, pd.DataFrame], orders: pd.DataFrame, as_of: datetime) -> int:
    carts = frame["cart"]
    carts = carts[(carts.status == "open") & carts.updated_at.between(as_of - timedelta(days=7), as_of - HOUR)]
    last = orders.groupby("customer_id").ordered_at.max().rename("last_at")
    carts = carts.join(last, on="customer_id")
    return int((~(carts.last_at > carts.updated_at)).sum())


def _due(frame: dict[str, pd.DataFrame], orders: pd.DataFrame, as_of: datetime) -> int:
    products = frame["product"][frame["product"].is_consumable == 1].copy()
    products["days"] = products.units_per_pack.fillna(1) / products.daily_use
    lines = frame["order_line"].merge(products, on="product_id").merge(orders, on="order_id")
    lines = lines.sort_values(["customer_id", "ordered_at", "order_id"])
    declared = lines[lines.days.notna()]
    purchase = declared.groupby(["customer_id", "product_id", "order_id"], sort=False)
    declared = purchase.agg(
        at=("ordered_at", "last"), quantity=("quantity", "sum"), days=("days", "last"),
        delivery=("delivery_days", "last"),
    ).reset_index()
    declared = declared.drop_duplicates(["customer_id", "product_id"], keep="last")
    run_out = declared["at"] + pd.to_timedelta((declared.quantity * declared.days).astype(float), "D")
    total = _in_window(run_out - pd.to_timedelta(declared.delivery.astype(float), "D"), as_of)

    key = ["customer_id", "product_type"]
    by_rhythm = lines[lines.product_type.isin(products.product_type[products.days.isna()])]
    steps = by_rhythm.groupby([*key, "order_id"], sort=False).agg(at=("ordered_at", "last")).reset_index()
    steps["since"] = steps["at"].groupby([steps.customer_id, steps.product_type]).diff()
    rhythm = steps.groupby(key).agg(purchases=("at", "size"), median=("since", "median"))
    latest = lines[lines.days.isna()].groupby([*key, "order_id"], sort=False).agg(
        at=("ordered_at", "last"), delivery=("delivery_days", "max")
    )
    latest = latest.reset_index().drop_duplicates(key, keep="last").set_index(key)
    rhythm = rhythm[rhythm.purchases >= 3].join(latest, how="inner")
    reorder = rhythm["at"] + rhythm["median"] - pd.to_timedelta(rhythm.delivery.astype(float), "D")
    return total + _in_window(reorder, as_of)


def _in_window(reorder: pd.Series[Any], as_of: datetime) -> int:
    return int(((reorder <= as_of + timedelta(days=3)) & (reorder > as_of - timedelta(days=4))).sum())


def _birthdays(frame: dict[str, pd.DataFrame], as_of: datetime) -> int:
    customers = frame["customer"]
    local = {zone: as_of.astimezone(ZoneInfo(zone)).month for zone in customers.timezone.unique()}
    return int((customers.birth_month == customers.timezone.map(local)).sum())


def write_profile(own: Engine, load: dict[str, float], took: dict[str, float]) -> None:
    """Write where the hour's seconds went, and the plan of each segment's comparison."""
    parts = {**{f"load: {name}": seconds for name, seconds in load.items()}, **took}
    lines = ["Seconds of the hour, by part", *(f"  {seconds:6.2f}  {name}" for name, seconds in parts.items())]
    for name in SEGMENTS:
        plan = _plan(own, name)
        lines += ["", f"{name}: its comparison with what is known", *(f"  {line[:150]}" for line in plan[:14])]
    PROFILES.mkdir(parents=True, exist_ok=True)
    (PROFILES / "segments.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _plan(own: Engine, name: str) -> list[str]:
    """Return the plan of the refresh's one reading of everything, run once more, without the lines of no work."""
    seen: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        if call[2].startswith("create temporary table segment_difference"):
            seen.append((call[2].partition(" as ")[2], call[3]))

    sa.event.listen(own, "before_cursor_execute", note)
    segments.refresh(own, name, NOW + HOUR)
    sa.event.remove(own, "before_cursor_execute", note)
    text, given = seen[0]
    with own.connect() as connection:
        connection.exec_driver_sql("set local work_mem = '64MB'")
        rows = connection.exec_driver_sql(f"explain (analyze, costs off, buffers off) {text}", given).scalars()
        return [row for row in rows if "never executed" not in row and ("->" in row or "Time" in row)]


def main() -> None:
    """Make the shop, take the hour's times, compare, and print the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--profile", action="store_true", help="write bench/runs/profiles/segments.txt")
    wanted = parser.parse_args()
    sizes = {name: max(1, round(size * wanted.scale)) for name, size in SIZES.items()} | {"products": PRODUCTS}
    with warehouse() as own, tempfile.TemporaryDirectory(prefix="bench-feed-") as folder:
        _, making = timed(lambda: make_world(own, sizes))
        say(f"shop of {sizes} made in {making:.0f} s; refreshes of the day before and the hour before")
        for as_of in (NOW - timedelta(days=1), NOW):
            refresh_all(own, as_of)
        execute(own, "vacuum analyze segment.membership", "checkpoint")  # an hour passes
        write_feed(Path(folder), sizes)
        say("the hour: load, then four refreshes")
        load = load_hour(own, Path(folder))
        together, took, counts = refresh_all(own, NOW + HOUR)
        if wanted.profile:
            write_profile(own, load, took)
        say("peer: the full aggregate in SQL")
        sql_took, sql_found = by_full_sql(own, NOW + HOUR)
        say("peer: pandas over the whole tables")
        pandas_took, pandas_found = by_pandas(own, Path(folder), NOW + HOUR)
        rows = _rows(own)
    members = {name: counted.members for name, counted in counts.items()}
    if not members == sql_found == pandas_found:
        raise SystemExit(f"three ways, not one answer: kept {members}, SQL {sql_found}, pandas {pandas_found}")
    activity = sum(seconds for name, seconds in load.items() if name != "whole_load")
    seconds = round(activity + together, 3)
    what = "an hour's 10,000 orders: activity and refresh of four segments, 1,000,000 customers, 10,000,000 orders"
    report("segments", [
        Figure(
            name="segments_hour_seconds", what=what, value=seconds, unit="s", better="lower",
            limit=LIMIT_SECONDS if wanted.scale >= 1 else None,
            peer="pandas over the whole tables, reading included", peer_value=round(sum(pandas_took.values()), 2),
            bound_by=BOUND_BY,
            details={
                "activity_seconds": activity, "load_parts_seconds": load, "refreshes_together_seconds": together,
                "refresh_seconds": took,
                "counts": {name: counted.counts() for name, counted in counts.items()},
                "pandas_seconds": pandas_took, "rows": rows, "world_seconds": making,
            },
        ),
        Figure(
            name="segments_hour_seconds_sql", what="the same", value=seconds, unit="s", better="lower",
            peer="the four segments from all facts in plain SQL", peer_value=round(sum(sql_took.values()), 2),
            bound_by=BOUND_BY, details={"full_sql_seconds": sql_took},
        ),
    ])  # fmt: skip


BOUND_BY = (
    "processor time: inactive joins every customer with its activity row, near half of the whole; then the order lines"
    " of the hour's buyers, looked up by index"
)


def _rows(own: Engine) -> dict[str, int]:
    with own.connect() as connection:
        return {
            table: connection.execute(sa.text(f"select count(*) from source.{table}")).scalar_one()  # noqa: S608
            for table in (*FED, *KEPT)
        }


if __name__ == "__main__":
    main()
