"""A fact that changes its customer, its time or its worth changes the numbers of all whom it concerned."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

import builders
from builders import NOON, rows
from lifecycle_mail.database import SQL_FOLDER
from lifecycle_mail.kpis import check, roll_up

LATER = NOON + timedelta(days=60)
HOUR = timedelta(hours=1)
GOALS = ("order", "page_view", "review", "offer_used")
FACTS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "order": ("source.orders", "order_id", "ordered_at", {"total": 10, "currency": "EUR"}),
    "page_view": ("source.page_view", "view_id", "viewed_at", {}),
    "review": ("source.review", "review_id", "reviewed_at", {"product_id": "p", "rating": 4}),
    "offer_used": (
        "source.offer", "offer_code", "redeemed_at",
        {"campaign": "offer_used", "valid_from": NOON, "valid_until": LATER},
    ),
}  # fmt: skip


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """A campaign per goal, each mailed Ann, Bob and Cleo at noon. The one of a receipt takes no credit."""
    with warehouse.begin() as connection:
        for who in ("ann", "bob", "cleo"):
            builders.customer(connection, who)
        for goal in (*reversed(GOALS), "receipt"):  # of mails of one moment the last enrolled takes the credit
            event = "order" if goal == "receipt" else goal
            builders.campaign(connection, goal, goal_event=event, is_marketing=goal != "receipt")
            for who in ("ann", "bob", "cleo"):
                enrollment = builders.enrollment(connection, goal, who)
                builders.decision(connection, enrollment, goal, who, variant=who)
                builders.message(connection, enrollment, goal, who, variant=who)
                builders.insert(
                    connection, "event.engagement", enrollment_id=enrollment, step="reminder", campaign=goal,
                    customer_id=who, message_id=builders.message_id_of(connection, enrollment, "reminder"),
                    first_event_at=NOON, delivered_at=NOON,
                    batch_id=builders.insert(connection, "event.batch", source_name="test"),
                )  # fmt: skip
    return warehouse


def put(connection: Connection, goal: str, **values: Any) -> None:
    """The fact, as a load writes it: Ann's, five hours after the mail, with these values instead."""
    table, key, at, others = FACTS[goal]
    columns = {"customer_id": "ann", at: NOON + 5 * HOUR, **others, **values}
    builders.insert(connection, table, **{key: "fact"}, **columns, load_id=builders.load(connection))


def change(connection: Connection, goal: str, **values: Any) -> None:
    """The same row in a later load."""
    table, key, _, _ = FACTS[goal]
    assignments = ", ".join(f"{name} = :{name}" for name in [*values, "load_id"])
    query = sa.text(f"update {table} set {assignments} where {key} = 'fact'")  # noqa: S608
    connection.execute(query, {**values, "load_id": builders.load(connection)})


def converted(warehouse: Engine) -> set[tuple[str, str]]:
    """Campaign and customer of every conversion, after a roll-up that is held to be as a full one finds it."""
    roll_up(warehouse, reporting_zone="UTC", now=LATER)
    found = counted(warehouse)
    roll_up(warehouse, reporting_zone="UTC", now=LATER, full=True)
    assert counted(warehouse) == found
    assert check(warehouse) == []
    return {(campaign, who) for campaign, who, converters in found[0] if converters}


def counted(warehouse: Engine) -> tuple[list[tuple[Any, ...]], ...]:
    with warehouse.connect() as connection:
        return tuple(
            rows(connection, query)
            for query in (
                "select campaign, variant, converters from kpi.campaign_daily order by 1, 2",
                "select day, campaign, variant, converters from kpi.event_daily where converters > 0 order by 1, 2, 3",
                "select customer_id, campaign, currency, revenue from kpi.order_credit order by 1, 2, 3",
                "select campaign, variant, currency, orders, revenue from kpi.campaign_revenue_daily order by 1, 2, 3",
                "select day, variant, currency, revenue from kpi.event_revenue_daily order by 1, 2, 3",
            )
        )


@pytest.mark.parametrize("goal", GOALS)
def test_a_fact_that_changes_hands_leaves_its_former_customer(shop: Engine, goal: str) -> None:
    """The conversion, and the credit of an order, go from the one to the other, then out of every mail's time and back.
    An offer without a customer converts no mail. The mail that takes no credit is not forgotten."""
    both = {goal} | ({"receipt"} if goal == "order" else set())
    time = FACTS[goal][2]
    with shop.begin() as connection:
        put(connection, goal)
    assert converted(shop) == {(one, "ann") for one in both}
    with shop.begin() as connection:
        change(connection, goal, customer_id="bob")
    assert converted(shop) == {(one, "bob") for one in both}
    with shop.begin() as connection:  # twice between two roll-ups: the one in the middle never had it counted
        change(connection, goal, customer_id="cleo")
        change(connection, goal, customer_id="ann")
    assert converted(shop) == {(one, "ann") for one in both}
    with shop.begin() as connection:
        change(connection, goal, customer_id="cleo", **{time: NOON + 200 * HOUR})
    assert converted(shop) == set()
    with shop.begin() as connection:
        change(connection, goal, **{time: NOON + HOUR})
    assert converted(shop) == {(one, "cleo") for one in both}
    if goal == "offer_used":
        with shop.begin() as connection:
            change(connection, goal, customer_id=None)
        assert converted(shop) == set()


@pytest.mark.parametrize(
    ("values", "converts", "credited"),
    [
        ({"status": "cancelled"}, False, []),
        ({"status": "refunded"}, True, []),
        ({"total": 25}, True, [("ann", "order", "EUR", 25)]),
        ({"currency": "USD"}, True, [("ann", "order", "USD", 10)]),
        ({"currency": None}, True, [("ann", "order", "XXX", 10)]),
        ({"currency": "USD", "customer_id": "bob", "total": 3}, True, [("bob", "order", "USD", 3)]),
    ],
)
def test_an_order_that_becomes_another_order(
    shop: Engine, values: dict[str, Any], converts: bool, credited: list[tuple[Any, ...]]
) -> None:
    """Status, total and currency of an order change its credit, alone and together with its customer."""
    with shop.begin() as connection:
        put(connection, "order")
    assert len(converted(shop)) == 2
    with shop.begin() as connection:
        change(connection, "order", **values)
    who = values.get("customer_id", "ann")
    assert converted(shop) == ({("order", who), ("receipt", who)} if converts else set())
    assert counted(shop)[2] == credited


def test_an_offer_that_was_not_used_after_all(shop: Engine) -> None:
    """Without its time, or as another campaign's offer, it reaches no goal."""
    with shop.begin() as connection:
        put(connection, "offer_used")
    assert converted(shop) == {("offer_used", "ann")}
    with shop.begin() as connection:
        change(connection, "offer_used", campaign="another")
    assert converted(shop) == set()
    with shop.begin() as connection:
        change(connection, "offer_used", campaign=None)
    assert converted(shop) == {("offer_used", "ann")}
    with shop.begin() as connection:
        change(connection, "offer_used", redeemed_at=None)
    assert converted(shop) == set()


def test_every_fact_that_reaches_a_goal_is_watched(warehouse: Engine) -> None:
    """Each table of facts that the goals read tells the roll-up whose fact it was: a new goal needs a trigger too."""
    text = (SQL_FOLDER / "kpis" / "schema" / "functions" / "goal_facts.sql").read_text(encoding="utf-8")
    read = set(re.findall(r"\bsource\.\w+", text))
    query = "select cast(cast(tgrelid as regclass) as text) from pg_trigger where tgname = 'kpi_moved_fact'"
    with warehouse.connect() as connection:
        assert read == {table for (table,) in rows(connection, query)}
