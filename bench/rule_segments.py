"""What an hour costs twenty segments of rules, next to plain SQL that reads everything for the same twenty.

    .venv/bin/python bench/rule_segments.py [--scale 1.0] [--profile]

The shop is that of bench/segments.py, with countries and languages, two currencies, offers, 2,000,000 mails and
2,000,000 page views. The rules are a mix of what marketers ask: orders in windows, kinds of products, money, opens and
clicks, age, stages, groups, other segments.

The twenty are refreshed a day and an hour before. Then an hour's feed is loaded by the ordinary path, and
`refresh_rules` brings them to the end of the hour, as the DAG refresh_segments does. The same run asks the same twenty
by SELECTs written by hand, as an analyst would, and checks that both find the same members.
"""

# ruff: noqa: S608 - the SELECTs below are put together of texts of this file alone
from __future__ import annotations

import argparse
import csv
import random
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from measuring import PROFILES, Figure, report, say, timed, warehouse
from sqlalchemy.engine import Engine

from lifecycle_mail import segments
from lifecycle_mail.segments import intervals, registry
from segments import HOUR, NOW, PRODUCTS, SIZES, WORLD, Stopwatch, execute, load_hour, make_world, write_feed

LIMIT_SECONDS = 30.0

RULE_WORLD = {
    **WORLD,
    "customer": """
        insert into source.customer (customer_id, email, created_at, first_name, locale, timezone, country, currency,
            birthday, permission, permission_at, load_id)
        select 'c' || n, 'c' || n || '@example.com',
            cast(:now as timestamptz) - interval '3 years' * (1 - power(n / cast(:customers as double precision), 4)),
            'Ada', (array['de-DE','de-AT','th-TH','en-GB','en-US'])[1 + n % 5],
            (array['UTC','Europe/Berlin','Asia/Bangkok','Asia/Tehran','Asia/Jerusalem','Asia/Taipei',
                'America/New_York','America/Los_Angeles','Australia/Sydney','Europe/London'])[1 + n % 10],
            (array['DE','AT','TH','GB','US'])[1 + n % 5], 'EUR',
            date '1950-01-01' + cast((hashint8extended(n, 3) & 1048575) % 18000 as integer),
            'confirmed', cast(:now as timestamptz) - interval '3 years', 1
        from generate_series(0, :customers - 1) as n""",
    "orders": WORLD["orders"]
    .replace("currency, status", "currency, offer_code, status")
    .replace("'EUR'", "case when n % 5 = 0 then 'USD' else 'EUR' end, case when n % 7 < 2 then 'SPRING' end"),
    "engagement": """
        insert into event.engagement (enrollment_id, step, message_id, campaign, customer_id, first_event_at,
            first_open_at, last_open_at, first_click_at, last_click_at, batch_id)
        select n, 'one', gen_random_uuid(), 'any', 'c' || (hashint8extended(n, 11) & 1073741823) % :customers, at,
            opened_at, opened_at, clicked_at, clicked_at, 0
        from generate_series(1, :customers * 2) as n
        cross join lateral (
            select cast(:now as timestamptz) - n * (interval '500 days' / (:customers * 2)) as at
        ) as sent
        cross join lateral (
            select case when n % 3 = 0 then at end as opened_at, case when n % 12 = 0 then at end as clicked_at
        ) as done""",
    "page_view": """
        insert into source.page_view (view_id, customer_id, viewed_at, product_id, load_id)
        select 'v' || n, 'c' || (hashint8extended(n, 13) & 1073741823) % :customers,
            cast(:now as timestamptz) - (:customers * 2 - n) * (interval '180 days' / (:customers * 2)),
            'p' || 1 + n % :products, 1
        from generate_series(1, :customers * 2) as n""",
}  # fmt: skip

# What the SELECTs of the peer share. An analyst would write them out; the server reads the tables either way.
PLACED = "source.orders where ordered_at <= :as_of and status = 'placed'"
COUNTED = "source.orders where ordered_at <= :as_of and status <> 'cancelled'"
STILL = "erased_at is null and created_at <= :as_of"
OPENED = """(
    select customer_id, first_open_at as at, message_id from event.engagement
    union select customer_id, last_open_at, message_id from event.engagement
    union select customer_id, first_click_at, message_id from event.engagement
    union select customer_id, last_click_at, message_id from event.engagement
) as opened where at <= :as_of"""
LAST = "(select customer_id, count(*) as orders, min(ordered_at) as first_at, max(ordered_at) as last_at from " \
    f"{COUNTED} group by customer_id) as last"  # fmt: skip
SPENT = f"select customer_id from {PLACED} and currency = 'EUR' group by customer_id having sum(total) >= 800"
# Days are 24 hours, as in rules.
AGO = "and {0} > :as_of - interval '{1} hours'"

SEGMENTS = {
    "bought_lately": (
        "{all: [{did: ordered, within_days: 30}]}",
        f"customer_id in (select customer_id from {COUNTED} {AGO.format('ordered_at', 720)})",
    ),
    "bought_refills": (
        "{all: [{did: ordered, product_type: [refill 4, refill 8], within_days: 90}]}",
        f"""customer_id in (
            select customer_id from {COUNTED} {AGO.format('ordered_at', 2160)} and order_id in (
                select order_id from source.order_line inner join source.product using (product_id)
                where product_type in ('refill 4', 'refill 8') and quantity > 0))""",
    ),
    "big_spenders": ("{all: [{is: total_spent, at_least: 800, currency: EUR}]}", f"customer_id in ({SPENT})"),
    "win_back": (
        "{all: [{is: last_order_days_ago, between: [60, 120]}]}",
        f"""customer_id in (select customer_id from {LAST}
            where last_at between :as_of - interval '2880 hours' and :as_of - interval '1440 hours')""",
    ),
    "opened_not_bought": (
        "{all: [{did: opened, within_days: 60}], none: [{did: ordered, within_days: 60}]}",
        f"""customer_id in (select customer_id from {OPENED} {AGO.format('at', 1440)})
            and customer_id not in (select customer_id from {COUNTED} {AGO.format('ordered_at', 1440)})""",
    ),
    "clicked_lately": (
        "{all: [{did: clicked, within_days: 30}]}",
        f"""customer_id in (select customer_id from event.engagement
            where last_click_at <= :as_of {AGO.format('last_click_at', 720)})""",
    ),
    "germans_of_middle_age": (
        "{all: [{is: country, in: [DE, AT]}, {is: language, equals: de}, {is: age, between: [30, 50]}]}",
        """country in ('DE', 'AT') and locale like 'de%' and extract(year from age(
            cast(:as_of at time zone coalesce(timezone, 'UTC') as date), birthday)) between 30 and 50""",
    ),
    "at_risk": (
        "{all: [{is: lifecycle_stage, in: [at_risk, lapsed]}]}",
        f"customer_id in (select customer_id from {LAST} where last_at <= :as_of - interval '2160 hours')",
    ),
    "champions": (
        "{all: [{is: rfm_group, in: [champion, loyal]}]}",
        f"""customer_id in (
            with bought as (
                select customer_id, currency, max(ordered_at) as last_at, count(*) as orders,
                    coalesce(sum(total) filter (where status = 'placed'), 0) as money
                from {COUNTED} {AGO.format('ordered_at', 8760)} group by customer_id, currency
            ), buyer as (
                select distinct on (customer_id) customer_id, currency, money,
                    max(last_at) over (partition by customer_id) as last_at,
                    sum(orders) over (partition by customer_id) as orders
                from bought order by customer_id, bought.orders desc, currency
            ), ranked as (
                select customer_id, ntile(5) over (order by last_at, customer_id) as r,
                    ntile(5) over (order by orders, customer_id) as f,
                    ntile(5) over (partition by currency order by money, customer_id) as m
                from buyer
            )
            select customer_id from ranked where r >= 3 and f >= 4)""",
    ),
    "looked_not_bought": (
        "{all: [{did: viewed, at_least: 2, within_days: 14}], none: [{did: ordered, within_days: 14}]}",
        f"""customer_id in (select customer_id from source.page_view
                where viewed_at <= :as_of {AGO.format('viewed_at', 336)} group by customer_id having count(*) >= 2)
            and customer_id not in (select customer_id from {COUNTED} {AGO.format('ordered_at', 336)})""",
    ),
    "regulars_in_thailand": (
        "{all: [{is: country, equals: TH}, {is: orders, at_least: 12}]}",
        f"country = 'TH' and customer_id in (select customer_id from {LAST} where orders >= 12)",
    ),
    "engaged_big_spenders": (
        "{all: [{in_segment: big_spenders}, {did: opened, within_days: 90}]}",
        f"customer_id in ({SPENT}) and customer_id in (select customer_id from {OPENED} {AGO.format('at', 2160)})",
    ),
    "large_baskets": (
        "{all: [{is: average_order, at_least: 70, currency: EUR}]}",
        f"""customer_id in (select customer_id from {PLACED} and currency = 'EUR'
            group by customer_id having round(avg(total), 4) >= 70)""",
    ),
    "bargain_hunters": (
        "{all: [{is: price_sensitivity, at_least: 0.4}, {is: orders, at_least: 3}]}",
        f"""customer_id in (select customer_id from {COUNTED} group by customer_id
            having count(*) >= 3 and round(count(offer_code) / cast(count(*) as numeric), 4) >= 0.4)""",
    ),
    "friends_of_refills": (
        "{all: [{is: favourite_product_type, in: [refill 4, refill 8, refill 12]}]}",
        f"""customer_id in (select customer_id from (
            select distinct on (customer_id) customer_id, product_type
            from (select * from {PLACED} {AGO.format('ordered_at', 8760)}) as placed
            inner join source.order_line using (order_id) inner join source.product using (product_id)
            where quantity > 0 group by customer_id, product_type
            order by customer_id, count(*) desc, max(ordered_at) desc, product_type
            ) as favourite where product_type in ('refill 4', 'refill 8', 'refill 12'))""",
    ),
    "few_orders": (
        "{all: [{is: orders, between: [1, 5]}, {is: first_order_days_ago, between: [100, 900]}]}",
        f"""customer_id in (select customer_id from {LAST} where orders <= 5
            and first_at between :as_of - interval '21600 hours' and :as_of - interval '2400 hours')""",
    ),
    "new_or_busy": (
        """{any: [{is: signed_up_days_ago, at_most: 14}, {did: viewed, within_days: 7},
            {did: ordered, at_least: 3, within_days: 90}]}""",
        f"""(created_at >= :as_of - interval '336 hours'
            or customer_id in (select customer_id from source.page_view
                where viewed_at <= :as_of {AGO.format('viewed_at', 168)})
            or customer_id in (select customer_id from {COUNTED} {AGO.format('ordered_at', 2160)}
                group by customer_id having count(*) >= 3))""",
    ),
    "engaged": (
        "{all: [{is: engagement, in: [high, medium]}]}",
        f"""customer_id in (select customer_id from (
                select customer_id, count(distinct message_id) as points from {OPENED} {AGO.format('at', 2160)}
                group by customer_id
                union all select customer_id, 2 * count(*) from event.engagement
                where last_click_at <= :as_of {AGO.format('last_click_at', 2160)} group by customer_id
                union all select customer_id, count(distinct date_trunc('day', viewed_at at time zone 'UTC'))
                from source.page_view where viewed_at <= :as_of {AGO.format('viewed_at', 2160)} group by customer_id
            ) as point group by customer_id having sum(points) >= 4)""",
    ),
    "large_orders_kept": (
        """{all: [{did: ordered, total: {at_least: 90}, currency: EUR, at_least: 2, within_days: 365}],
            none: [{is: returns, at_least: 2}]}""",
        f"""customer_id in (select customer_id from {PLACED} {AGO.format('ordered_at', 8760)}
                and currency = 'EUR' and total >= 90 group by customer_id having count(*) >= 2)
            and customer_id not in (select customer_id from source.orders
                where ordered_at <= :as_of and status = 'refunded' group by customer_id having count(*) >= 2)""",
    ),
    "asleep_in_november": (
        "{all: [{is: birthday_month, equals: 11}, {in_segment: inactive, with: {days: 180}}]}",
        f"""extract(month from birthday) = 11 and customer_id in (
            select customer_id from (
                select customer_id, ordered_at as at from {COUNTED}
                union all select customer_id, viewed_at from source.page_view where viewed_at <= :as_of
                union all select customer_id, at from {OPENED}
            ) as fact group by customer_id having max(at) <= :as_of - interval '4320 hours')""",
    ),
}


def know_segments() -> None:
    """Make the twenty known as approved rules."""
    text = "segment: {name}\nwhat: Asked in the benchmark.\nowner: marketing@example.com\nrules: {rules}\n"
    registry.learn({
        name: segments.parse_rules(text.format(name=name, rules=rules)) for name, (rules, _) in SEGMENTS.items()
    })  # fmt: skip


def write_views(folder: Path, sizes: dict[str, int]) -> None:
    """Write the hour's page views: as many as orders, of any customers."""
    chance = random.Random(2)
    with (folder / "page_views.csv").open("w") as stream:
        view = csv.writer(stream)
        view.writerow(("view_id", "customer_id", "viewed_at", "product_id"))
        for number in range(sizes["new_orders"]):
            at = NOW + HOUR * ((number + 1) / sizes["new_orders"])
            who, product = chance.randrange(sizes["customers"]), 1 + chance.randrange(sizes["products"])
            view.writerow((f"w{number}", f"c{who}", at.isoformat(), f"p{product}"))


def refreshed(own: Engine, hours: int) -> tuple[float, dict[str, float], dict[str, segments.SegmentCounts]]:
    """Refresh all so many hours from NOW; return the seconds of all, and seconds and counts by segment."""
    took: dict[str, float] = {}
    real = intervals.refresh

    def watched(engine: Engine, name: str, as_of: Any) -> segments.SegmentCounts:
        counts, took[name] = timed(lambda: real(engine, name, as_of))
        return counts

    intervals.refresh = watched  # type: ignore[assignment]
    try:
        (counts, failed), seconds = timed(lambda: segments.refresh_rules(own, NOW + hours * HOUR))
    finally:
        intervals.refresh = real
    if failed:
        raise SystemExit(str(failed[0]))
    for name in counts:
        say(f"  {name} {took[name]:.2f} s, {counts[name].counts()}")
    say(f"  all {seconds:.2f} s")
    return seconds, took, counts


def by_plain_sql(own: Engine) -> tuple[dict[str, float], dict[str, set[str]]]:
    """Ask the twenty from all facts; return seconds and members by segment."""
    took, found = {}, {}
    with own.connect() as connection:
        connection.exec_driver_sql("set local work_mem = '64MB'")
        for name, (_, condition) in SEGMENTS.items():
            text = f"select customer_id from source.customer where {STILL} and {condition}"
            query = sa.text(text.replace(":as_of", "cast(:as_of as timestamptz)")).bindparams(as_of=NOW + HOUR)
            rows, took[name] = timed(lambda query=query: connection.execute(query).scalars().all())
            found[name] = set(rows)
            say(f"  {name} {took[name]:.2f} s, {len(rows)}")
    return took, found


def require_equal(own: Engine, found: dict[str, set[str]]) -> None:
    """Stop if what is kept of a segment is not what plain SQL finds."""
    kept = sa.text("select customer_id from segment.membership where segment = :segment and left_at is null")
    with own.connect() as connection:
        for name, members in found.items():
            known = set(connection.execute(kept, {"segment": name}).scalars())
            if known != members:
                odd = sorted(known ^ members)[:5]
                raise SystemExit(f"{name}: kept {len(known)}, plain SQL {len(members)}; different: {odd}")


def write_profile(took: dict[str, float], sql_took: dict[str, float], statements: dict[str, list[str]]) -> None:
    """Write the seconds of each segment, and the plans of what its refresh read."""
    lines = ["Seconds by segment: refresh by changes, and plain SQL"]
    lines += [f"  {took[name]:6.2f} {sql_took[name]:6.2f}  {name}" for name in sql_took]
    for name, plans in statements.items():
        lines += ["", f"=== {name}", *plans]
    PROFILES.mkdir(parents=True, exist_ok=True)
    (PROFILES / "rule_segments.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def plans_of(own: Engine) -> dict[str, list[str]]:
    """Refresh each segment a minute later, and return the plan of every select that it read."""
    plans: dict[str, list[str]] = {}
    for name in SEGMENTS:
        noted = plans.setdefault(name, [])

        def note(_: Any, cursor: Any, text: str, given: Any, *_more: Any, noted: list[str] = noted) -> None:
            if "read_select" in text:
                query = max(map(str, given.values()), key=len)
                cursor.execute(f"explain (analyze, buffers, costs) {query}".replace("%", "%%"), {})
                noted += ["--", *(row[0][:240] for row in cursor.fetchall())]

        sa.event.listen(own, "before_cursor_execute", note)
        _, seconds = timed(lambda name=name: segments.refresh(own, name, NOW + HOUR + timedelta(minutes=1)))
        sa.event.remove(own, "before_cursor_execute", note)
        noted.append(f"with its explanation {seconds:.2f} s")
    return plans


def main() -> None:
    """Make the shop, take the hour's times, compare, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--profile", action="store_true", help="write bench/runs/profiles/rule_segments.txt")
    wanted = parser.parse_args()
    sizes = {name: max(1, round(size * wanted.scale)) for name, size in SIZES.items()} | {"products": PRODUCTS}
    know_segments()
    with warehouse() as own, tempfile.TemporaryDirectory(prefix="bench-feed-") as folder:
        _, making = timed(lambda: make_world(own, sizes, RULE_WORLD))
        execute(own, "vacuum analyze event.engagement")
        say(f"shop of {sizes} made in {making:.0f} s; the first refresh, and that of the hour before")
        first, first_took, _ = refreshed(own, -1)
        refreshed(own, 0)
        execute(own, "vacuum analyze segment.membership", "checkpoint")  # an hour passes
        write_feed(Path(folder), sizes)
        write_views(Path(folder), sizes)
        say("the hour: load, then the refresh of twenty")
        load_hour(own, Path(folder))
        watch = Stopwatch()
        with watch.watch(intervals, "touched_since"):
            seconds, took, counts = refreshed(own, 1)
        say("peer: plain SQL over everything")
        sql_took, found = by_plain_sql(own)
        require_equal(own, found)
        if wanted.profile:
            write_profile(took, sql_took, plans_of(own))
    plain = sum(sql_took.values())
    report("rule_segments", [
        Figure(
            name="rule_segments_hour_seconds",
            what="refresh of twenty segments of rules after an hour's 10,000 orders and 10,000 page views, 1,000,000"
            " customers, 10,000,000 orders",
            value=round(seconds, 3), unit="s", better="lower",
            limit=LIMIT_SECONDS if wanted.scale >= 1 else None,
            peer="plain SQL over everything for the same twenty, written by hand, one after the other",
            peer_value=round(plain, 2),
            bound_by=BOUND_BY,
            details={
                "refresh_seconds": took, "finding_who_changed_seconds": watch.seconds, "plain_sql_seconds": sql_took,
                "counts": {name: one.counts() for name, one in counts.items()},
                "first_refresh_seconds": first, "first_refresh_parts_seconds": first_took,
            },
        ),
    ])  # fmt: skip


BOUND_BY = (
    "segments whose words depend on other customers or on a segment of SQL read everything; the rest is looked up by"
    " index for the hour's customers"
)


if __name__ == "__main__":
    main()
