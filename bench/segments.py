"""What an hour costs the segments: 10,000 new orders' activity, and four refreshes, on a shop of 10,000,000 orders.

    .venv/bin/python bench/segments.py [--scale 1.0] [--profile]

The shop: 1,000,000 customers with birthdays in all months and ten zones, 10,000,000 orders over three years with
20,000,000 lines, 3,000 products of which a quarter are consumables (some with a daily use, some by the customer's
own rhythm), 50,000 open carts. It is put in place as a restored backup would be; then come the feed of an hour and
the refreshes by the product's ordinary path. Beside it, in the same run and checked to find the same members: the
four segments from the facts in plain SQL, and in pandas over the whole tables.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from measuring import PROFILES, Figure, report, say, timed, warehouse
from sqlalchemy.engine import Engine

from lifecycle_mail import segments, sources
from lifecycle_mail.sources import loading

NOW = datetime(2026, 11, 17, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEGMENTS = ("inactive", "cart_abandoned", "replenishment_due", "birthday_this_month")
LIMIT_SECONDS = 5.0
CUSTOMERS, ORDERS, CARTS, NEW_ORDERS, PRODUCTS = 1_000_000, 10_000_000, 50_000, 10_000, 3_000
LOADED = ("customer", "product", "orders", "order_line", "cart", "cart_line")

# A customer of every order, told from its number alone, so that tables are written side by side. Some buy a lot.
WHOSE = (
    "'c' || cast(floor(:customers * power((hashint8extended({n}, 7) & 1073741823) / 1073741824.0, 1.3))"
    " as bigint)"
)
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
    "orders": f"""
        insert into source.orders (order_id, customer_id, ordered_at, total, currency, status, load_id)
        select 'o' || n, {WHOSE.format(n="n")},
            cast(:now as timestamptz) - (:orders - n + 1) * (interval '1095 days' / :orders), 20 + n % 80, 'EUR',
            case when n % 50 = 0 then 'cancelled' when n % 77 = 0 then 'refunded' else 'placed' end, 1
        from generate_series(1, :orders) as n""",
    # A third of the lines are consumables of the customer's two favourite kinds, so that people come back for them.
    "order_line": f"""
        insert into source.order_line (order_id, line_no, product_id, quantity, unit_price, load_id)
        select 'o' || n, line, 'p' || case
                when (hashint8extended(n, line) & 1023) < 340 then 4 * (1 + (
                    11 * ((hashint8extended(n, 10 + line) & 1023) % 17) + 5 * ((hashint8extended(n, 20 + line) & 1023) % 2)
                    + (hashtext({WHOSE.format(n="n")}) & 1048575) % 11) % (:products / 4))
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
}  # fmt: skip


def make_world(own: Engine, sizes: dict[str, int]) -> None:
    """Put the shop in place like a restored backup: rows, then indexes, then what is kept beside them."""
    with own.begin() as connection:
        connection.execute(sa.text("insert into source.load default values"))
        keys, indexes = _definitions(connection)
        for table, name in keys:
            connection.exec_driver_sql(f"alter table source.{table} drop constraint {name}")
        for name in indexes:
            connection.exec_driver_sql(f"drop index source.{name}")
    side_by_side([lambda table=table: _fill(own, table, sizes) for table in ("order_line", "orders", "customer",
                                                                             "product", "cart", "cart_line")])
    say("rows written; now indexes")
    commands = [f"alter table source.{table} add constraint {name} {what}" for (table, name), what in keys.items()]
    for table in LOADED:
        own_commands = [text for text in commands if f" source.{table} " in text]
        own_commands += [text for text in indexes.values() if f" source.{table} " in text]
        commands = [*(text for text in commands if f" source.{table} " not in text)]
        _execute(own, *own_commands)
    say("indexes built; now activity and supplies")
    side_by_side([lambda: _execute(own, "vacuum analyze " + ", ".join(f"source.{table}" for table in LOADED))])
    side_by_side([lambda: sources.rebuild_supplies(own)])
    sources.rebuild_activity(own)
    _execute(own, "vacuum analyze source.customer_activity, source.supply")


def _definitions(connection: sa.Connection) -> tuple[dict[tuple[str, str], str], dict[str, str]]:
    keys = connection.execute(sa.text(
        "select c.relname, k.conname, pg_get_constraintdef(k.oid) from pg_constraint as k"
        " join pg_class as c on c.oid = k.conrelid where k.contype = 'p' and c.relnamespace = 'source'::regnamespace"
        " and c.relname = any(:loaded)"), {"loaded": list(LOADED)}).all()  # fmt: skip
    indexes = connection.execute(sa.text(
        "select indexname, indexdef from pg_indexes where schemaname = 'source' and tablename = any(:loaded)"
        " and indexname <> all(:keys)"), {"loaded": list(LOADED), "keys": [key.conname for key in keys]}).all()  # fmt: skip
    return {(key[0], key[1]): key[2] for key in keys}, {row.indexname: row.indexdef for row in indexes}


def _fill(own: Engine, table: str, sizes: dict[str, int]) -> None:
    text = sa.text(WORLD[table])
    with own.begin() as connection:
        # Restored, not loaded: what triggers keep is made at the end for all.
        connection.exec_driver_sql("set local session_replication_role = replica")
        connection.execute(text, {name: value for name, value in {**sizes, "now": NOW}.items()
                                  if name in text.compile().params})
    say(f"  source.{table} written")


def _execute(own: Engine, *commands: str) -> None:
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0)
    args = parser.parse_args()
    sizes = {k: max(1, int(v * args.scale)) for k, v in dict(customers=CUSTOMERS, orders=ORDERS, carts=CARTS).items()} | {"products": PRODUCTS}
    with warehouse() as own:
        _, s = timed(lambda: make_world(own, sizes))
        say(f"world {s:.1f}")
        say(own.url.render_as_string())
        with own.connect() as c:
            for q in ("select count(*) from source.supply", "select count(*) from source.order_line", "select basis,count(*) from source.supply group by 1", "select version()",
              "select count(*) from source.customer_activity where last_activity_at<='2026-08-19'"):
                say(str(c.execute(sa.text(q)).all()))
        for at in (NOW - timedelta(days=1), NOW):
            for name in SEGMENTS:
                r, s = timed(lambda: segments.refresh(own, name, at))
                say(f"{name} {at} {r} {s:.2f}")
        input() if False else time.sleep(3600)
