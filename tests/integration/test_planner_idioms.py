"""What is left over of steering the planner is needed: without it, a statement reads a large table through.

Each statement is explained twice, as it is and with its idiom taken out, over tables that are large for what is asked.
docs/planner.md names these tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import NOON, ensure_month
from lifecycle_mail.database import run, statement

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
STAGE = """insert into event_staging (sg_event_id, occurred_at, message_id, fact)
    select 'e' || n, :noon, message.message_id(n, 'reminder'), 'delivered' from generate_series(1, 500) as n"""
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


@pytest.fixture
def world(warehouse: Engine) -> Iterator[Connection]:
    """A campaign of 20,000 mails that were sent and delivered, and the staging of an ingest that reports 500."""
    with warehouse.begin() as connection:
        ensure_month(connection, "event.event", NOON)
        for fill in (*FILL, *BUY):
            fills(connection, fill)
        connection.exec_driver_sql("analyze")
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
    return re.sub(r"(\w+\.customer_id) = any\(array\(([^)]*)\)\)", r"\1 in (\2)", changed)


def read_through(connection: Connection, text: str, given: dict[str, Any]) -> set[str]:
    """Tables that the statement would read from begin to end."""
    (explained,) = connection.execute(sa.text(f"explain (format json, verbose) {text}"), given).scalar_one()
    found, nodes = set(), [explained["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", [])
        if node["Node Type"] == "Seq Scan":
            found.add(re.sub(r"_p[0-9]+$|_[0-9]{4}_[0-9]{2}$", "", f"{node['Schema']}.{node['Relation Name']}"))
    return {table for table in found if not table.startswith("pg_temp")}


DAY = {"low": NOON, "high": NOON}
DUE = {"as_of": NOON, "lead_days": 3, "lateness_days": 7}
CASES = [
    ("events/create_folded", "offset 0", {}, {"message.message"}),
    ("events/drop_known", "offset 0", DAY, {"event.event"}),
    ("messages/settle_by_events", "offset 0", {}, {"event.engagement"}),
    ("messages/settle_by_events", "the second offset 0", {}, {"message.message"}),
    ("messages/settle_by_events", "a list", {}, {"message.message"}),
    ("sources/supply_of_few", "a list", {}, {"source.orders", "source.order_line"}),
    ("segments/replenishment_due", "a list", DUE, {"source.order_line"}),
]


@pytest.mark.parametrize(("name", "idiom", "given", "tables"), CASES)
def test_a_large_table_is_probed_and_would_be_read_through(
    world: Connection, name: str, idiom: str, given: dict[str, Any], tables: set[str]
) -> None:
    """As it is, the statement reads none of these tables through; without its idiom, it reads each of them through."""
    if name == "messages/settle_by_events":
        run(world, "events/create_folded")
    text = statement(name).text
    assert without(text, idiom) != text
    assert not tables & read_through(world, text, given)
    assert tables <= read_through(world, without(text, idiom), given)
