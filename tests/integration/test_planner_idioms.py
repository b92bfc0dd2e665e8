"""What is left over of steering the planner is needed: without it, a statement reads a large table through.

Each statement is explained twice, as it is and with its idiom taken out, over tables that are large for what is asked.
docs/planner.md names these tests.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import NOON, ensure_month
from lifecycle_mail.database import _composed, run, statement
from lifecycle_mail.decisions import send_hours
from lifecycle_mail.delivery.picking import pick_files
from planning import campaign_of, members, plan, topic_of

MAILS = 20_000

FILL = (
    """insert into journey.enrollment (campaign, customer_id, occurrence, occurred_at, enrolled_at, is_holdout)
    select 'cart_abandoned', 'c' || n, 'o', :noon, :noon, false from generate_series(1, :mails) as n""",
    """insert into message.message (message_id, enrollment_id, step, campaign, customer_id, topic, variant, priority,
        shell_id, state, planned_at, not_before, expires_at, send_day, attempt_id, claimed_at, accepted_at)
    select message.message_id(enrollment_id, 'reminder'), enrollment_id, 'reminder', campaign, customer_id, 'reminders',
        'default', 50, 1, 'accepted', :noon, :noon, :noon, '2026-03-02', 1, :noon, :noon from journey.enrollment""",
    """insert into event.engagement (enrollment_id, step, message_id, campaign, customer_id, first_event_at, batch_id)
    select enrollment_id, step, message_id, campaign, customer_id, :noon, 1 from message.message""",
    """insert into event.event (sg_event_id, occurred_at, event, batch_id, raw)
    select 'e' || n, :noon, 'delivered', 1, '{}' from generate_series(1, :mails) as n""",
)
STAGE = """insert into event_staging (sg_event_id, occurred_at, message_id, fact, scope, suppression)
    select 'e' || n, :noon, message.message_id(n, 'reminder'), 'delivered', 'all', 'unsubscribed'
    from generate_series(1, 500) as n"""
"""Few of the mails. Temporary tables are not analyzed: the planner guesses how many rows they have."""
BUY = (
    """insert into source.product (product_id, name, product_type, is_consumable, daily_use, load_id)
    values ('p', 'Coffee', 'coffee', true, 0.1, 1)""",
    """insert into source.orders (order_id, customer_id, ordered_at, total, load_id)
    select 'o' || n, 'c' || n, :noon, 1, 1 from generate_series(1, :mails) as n""",
    """insert into source.order_line (order_id, line_no, product_id, quantity, unit_price, load_id)
    select order_id, 1, 'p', 1, 1, 1 from source.orders""",
    "insert into source.supply_change (customer_id) values ('c7')",
    "create temporary table supply_touched on commit drop as select cast('c7' as text) as customer_id",
)
SAY = (
    """insert into source.customer (customer_id, email, created_at, permission, permission_at, load_id)
    select 'c' || n, 'c' || n || '@example.com', :noon, 'confirmed', :noon, 1 from generate_series(1, :mails) as n""",
    """insert into source.permission_change (customer_id, permission, permission_at, origin, load_id, address)
    select customer_id, permission, permission_at, 'feed', 1, address from source.customer""",
)
WITHDRAW = """insert into source.permission_change (customer_id, permission, permission_at, origin, load_id, address)
    select customer_id, 'withdrawn', permission_at + interval '1 day', 'feed', 1, address from source.customer
    where customer_id like '%0'"""
WORDS = (
    """create temporary table staged on commit drop as
    select 1 as line, cast('c7' as text) as customer_id, cast('withdrawn' as text) as permission,
        cast(:noon as timestamptz) as permission_at""",
    "create temporary table heard on commit drop as select cast('c8' as text) as customer_id",
    """create temporary table news on commit drop as
    select cast('c9@example.com' as text) as address, cast('feed' as text) as origin""",
    "create temporary table candidate on commit drop as select cast('c7' as text) as customer_id",
)


@pytest.fixture
def world(warehouse: Engine) -> Iterator[Connection]:
    """A campaign of 20,000 mails that were sent and delivered, and the staging of an ingest that reports 500."""
    with warehouse.begin() as connection:
        ensure_month(connection, "event.event", NOON)
        for fill in (*FILL, *BUY, *SAY):
            fills(connection, fill)
        connection.exec_driver_sql("analyze")
        for table in WORDS:
            fills(connection, table)
        run(connection, "events/create_staging")
        fills(connection, STAGE)
        yield connection


def fills(connection: Connection, query: str) -> None:
    """Execute `query` with those of the parameters that it names."""
    given = {"noon": NOON, "mails": MAILS}
    connection.execute(sa.text(query), {name: given[name] for name in given if f":{name}" in query})


def without(text: str, idiom: str) -> str:
    """The statement with its idiom taken out."""
    if idiom == "offset 0":
        return re.sub(r"^\s*offset 0$", "", text, flags=re.MULTILINE)
    if idiom == "the second offset 0":
        first, second, rest = text.split("offset 0")
        return f"{first}offset 0{second}{rest}"
    changed = re.sub(r"\w+\.enrollment_id = any\(array\([^)]*\)\)\s+and ", "", text)
    return re.sub(r"(\w+) = any\(\s*array\((.*?)\)\s*\)(?=\n|$)", r"\1 in (\2)", changed, flags=re.DOTALL)


def read_through(connection: Connection, text: str, given: dict[str, Any]) -> Counter[str]:
    """How often the statement would read each table from begin to end."""
    (explained,) = connection.execute(sa.text(f"explain (format json, verbose) {text}"), given).scalar_one()
    found: Counter[str] = Counter()
    nodes = [explained["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", [])
        if node["Node Type"] == "Seq Scan" and not node["Schema"].startswith("pg_temp"):
            found[re.sub(r"_p[0-9]+$|_[0-9]{4}_[0-9]{2}$", "", f"{node['Schema']}.{node['Relation Name']}")] += 1
    return found


DAY = {"low": NOON, "high": NOON}
BY_LOAD = {"sources/settle_staged_permissions": 1}
"""Statements that read the log of consent once for what the load wrote: it has no index by load."""
CAMPAIGN = {"campaign": "cart_abandoned", "as_of": NOON}
DUE = {"as_of": NOON, "lead_days": 3, "lateness_days": 7}
CASES = [
    ("events/create_folded", "offset 0", {}, {"message.message"}),
    ("events/create_said", "offset 0", {}, {"message.message"}),
    ("events/drop_known", "offset 0", DAY, {"event.event"}),
    ("messages/settle_by_events", "offset 0", {}, {"event.engagement"}),
    ("messages/settle_by_events", "the second offset 0", {}, {"message.message"}),
    ("messages/settle_by_events", "a list", {}, {"message.message"}),
    ("sources/supply_of_few", "a list", {}, {"source.orders", "source.order_line"}),
    ("segments/replenishment_due", "a list", DUE, {"source.order_line"}),
    ("sources/settle_permission", "a list", {"customer_id": "c7"}, {"source.permission_change"}),
    ("sources/settle_heard_permissions", "a list", {}, {"source.permission_change"}),
    ("sources/settle_staged_permissions", "a list", {"load_id": 2}, {"source.permission_change"}),
    ("journeys/begun_series", "a list", {**CAMPAIGN, "returned_counts": True}, {"message.message"}),
]


def put_in(name: str, file: str) -> str:
    """The text of a statement into which a file is put."""
    return _composed(name, ((file.rpartition("/")[2], (file,)),)).text


@pytest.mark.parametrize(("name", "idiom", "given", "tables"), CASES)
def test_a_large_table_is_probed_and_would_be_read_through(
    world: Connection, name: str, idiom: str, given: dict[str, Any], tables: set[str]
) -> None:
    """As it is, the statement reads none of these tables through; without its idiom, it would."""
    if name == "messages/settle_by_events":
        run(world, "events/create_folded")
    text = statement(name).text if name != "journeys/begun_series" else put_in("journeys/create_joinable", name)
    assert without(text, idiom) != text
    as_it_is, changed = read_through(world, text, given), read_through(world, without(text, idiom), given)
    assert {table: as_it_is[table] for table in tables} == dict.fromkeys(tables, BY_LOAD.get(name, 0))
    assert all(changed[table] > as_it_is[table] for table in tables), changed


@pytest.mark.parametrize("listed", ["c7", "%"])
def test_what_stood_at_a_moment_is_found_by_index(world: Connection, listed: str) -> None:
    """The rules of consent are functions of a moment that PostgreSQL inlines: for each turn of a customer, of one or of
    all, the log is probed by the customer or the mailbox. Without its limit the statement would read the whole log for
    each turn."""
    fills(world, WITHDRAW)
    world.exec_driver_sql("analyze source.permission_change")
    world.exec_driver_sql("create temporary table kpi_listed (customer_id text) on commit drop")
    query = "insert into kpi_listed select customer_id from source.customer where customer_id like :listed"
    world.execute(sa.text(query), {"listed": listed})
    run(world, "kpis/create_person")
    run(world, "kpis/create_turn")
    world.exec_driver_sql("analyze kpi_person, kpi_turn")
    standing = statement("kpis/create_standing").text
    assert read_through(world, statement("kpis/create_blocked").text, {})["source.permission_change"] == 0
    run(world, "kpis/create_blocked")
    assert read_through(world, standing, {})["source.permission_change"] == 0
    assert read_through(world, standing.replace("    limit 1\n", ""), {})["source.permission_change"] == 1
    run(world, "kpis/create_standing")
    query = "select permission, count(*) from kpi_standing group by permission order by permission"
    whole = [("confirmed", MAILS), ("withdrawn", MAILS // 10)]
    assert [tuple(row) for row in world.exec_driver_sql(query)] == (whole if listed == "%" else [("confirmed", 1)])


def test_the_hours_of_a_zone_are_computed_once_per_claim(warehouse: Engine) -> None:
    """Forty recipients of one zone: without the idiom their hours would be computed forty times."""
    members(warehouse, *(f"c{number}" for number in range(40)))
    topic, campaign = topic_of(), campaign_of(send_window={"from": "08:00", "to": "21:00"})
    plan(warehouse, campaign, topic)
    text = _composed("delivery/pick", tuple(pick_files(campaign).items())).text
    given = {
        "shell_id": 1, "batch": 40, "only_enrollment_id": None, "now": NOON, "topic": "reminders", "is_marketing": True,
        "permissions": ["confirmed"], "campaign_topic": "reminders", "takes_over": True, **send_hours(campaign, topic),
    }  # fmt: skip
    with warehouse.begin() as connection:
        run(connection, "delivery/probe_plans")
        assert times_computed(connection, text, given) < 40
        assert times_computed(connection, text.replace("opening as materialized", "opening as"), given) >= 40


def times_computed(connection: Connection, text: str, given: dict[str, Any]) -> int:
    """How often a permitted moment is computed while the statement runs."""
    connection.exec_driver_sql("set local track_functions = 'all'")
    calls = sa.text(
        "select coalesce(sum(calls), 0) from pg_stat_xact_user_functions where funcname = 'first_permitted'"
    )
    before = connection.execute(calls).scalar_one()
    connection.execute(sa.text(text), given).all()
    return int(connection.execute(calls).scalar_one() - before)
