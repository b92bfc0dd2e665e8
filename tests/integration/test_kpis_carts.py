"""Whose numbers an order counts in that names a cart: those of the cart's series, and once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

import builders
from builders import NOON, rows
from lifecycle_mail.journeys import erase_contexts
from lifecycle_mail.kpis import check, roll_up

LATER = NOON + timedelta(days=60)
HOUR = timedelta(hours=1)


def mailed(connection: Connection, who: str, campaign: str = "cart", hours: float = 0, **columns: Any) -> int:
    """A series that began at NOON + hours and whose mail was delivered then; its arm is named by the customer."""
    at = NOON + hours * HOUR
    enrollment = builders.enrollment(connection, campaign, who, enrolled_at=at, **columns)
    said = {"variant": "holdout" if columns.get("is_holdout") else who}
    if columns.get("is_holdout"):
        builders.decision(
            connection, enrollment, campaign, who, decided_at=at, outcome="skip", reason="held_out", **said
        )
        return enrollment
    builders.decision(connection, enrollment, campaign, who, decided_at=at, **said)
    builders.message(connection, enrollment, campaign, who, planned_at=at, **said)
    builders.insert(
        connection, "event.engagement", enrollment_id=enrollment, step="reminder", campaign=campaign,
        customer_id=who, message_id=builders.message_id_of(connection, enrollment, "reminder"),
        first_event_at=at, delivered_at=at, batch_id=builders.insert(connection, "event.batch", source_name="test"),
    )  # fmt: skip
    return enrollment


def about(cart_id: str) -> dict[str, Any]:
    return {"context": {"cart_id": cart_id, "cart_url": "https://shop.example.com/"}, "occurrence": cart_id}


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """Ann was mailed about her cart, and the guest about another one; both were greeted by a campaign without carts."""
    with warehouse.begin() as connection:
        for name in ("greeting", "cart"):
            builders.campaign(connection, name)
        for who in ("ann", "guest"):
            builders.customer(connection, who)
            mailed(connection, who, "greeting", -1)
            mailed(connection, who, **about(f"of-{who}"))
    return warehouse


def change(connection: Connection, order_id: str, **values: Any) -> None:
    """The same order in a later load."""
    values = {**values, "load_id": builders.load(connection)}
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    query = sa.text(f"update source.orders set {assignments} where order_id = :key")  # noqa: S608
    connection.execute(query, {**values, "key": order_id})


QUERIES = {
    "converted": "select campaign, variant from kpi.campaign_daily where converters > 0 order by 1, 2",
    "credited": "select order_id, customer_id, campaign from kpi.order_credit order by 1",
    "revenue": "select campaign, variant, orders, revenue from kpi.campaign_revenue_daily order by 1, 2",
    "series": "select campaign, sum(mailed), sum(converted) from kpi.series_daily group by 1 order by 1",
    "units": "select customer_id, arm, converted_at is not null, orders from kpi.arm_unit order by 1",
    "people": "select arm, sum(units), sum(converters) from kpi.arm_count group by 1 order by 1",
}


def counted(warehouse: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """The numbers after a roll-up, which is held to be as a full one finds it."""
    found = []
    for full in (False, True):
        roll_up(warehouse, reporting_zone="UTC", now=LATER, full=full)
        with warehouse.connect() as connection:
            found.append({name: rows(connection, query) for name, query in QUERIES.items()})
        assert check(warehouse) == []
    assert found[0] == found[1]
    return found[0]


def test_an_order_counts_for_the_series_of_the_cart_that_it_names(shop: Engine) -> None:
    """The guest orders Ann's cart: her mail about it converts and takes the credit. The guest's mail about another cart
    does not. For the campaign without carts it is the guest's order."""
    with shop.begin() as connection:
        builders.order(connection, "o", "guest", NOON + HOUR, cart_id="of-ann")
    found = counted(shop)
    assert found["converted"] == [("cart", "ann"), ("greeting", "guest")]
    assert found["credited"] == [("o", "ann", "cart")]
    assert found["revenue"] == [("cart", "ann", 1, 10)]


def test_an_order_that_changes_what_it_names_and_who_placed_it(shop: Engine) -> None:
    """It names no cart, then Ann's, is placed by her, is cancelled, names a cart of no series, and moves in time."""
    guests, anns = [("cart", "guest"), ("greeting", "guest")], [("cart", "ann"), ("greeting", "ann")]
    with shop.begin() as connection:
        builders.order(connection, "o", "guest", NOON + HOUR)
    assert counted(shop)["converted"] == guests
    for values, converted, credited in (
        ({"cart_id": "of-ann"}, [("cart", "ann"), ("greeting", "guest")], [("o", "ann", "cart")]),
        ({"customer_id": "ann"}, anns, [("o", "ann", "cart")]),
        ({"customer_id": "guest"}, [("cart", "ann"), ("greeting", "guest")], [("o", "ann", "cart")]),
        ({"status": "cancelled"}, [], []),
        ({"status": "refunded"}, [("cart", "ann"), ("greeting", "guest")], []),
        ({"status": "placed", "cart_id": "of-nobody"}, guests, [("o", "guest", "cart")]),
        ({"cart_id": "of-ann", "ordered_at": NOON - HOUR / 2}, [("greeting", "guest")], [("o", "guest", "greeting")]),
        ({"ordered_at": NOON + 900 * HOUR}, [], []),
    ):
        with shop.begin() as connection:
            change(connection, "o", **values)
        found = counted(shop)
        assert (found["converted"], found["credited"]) == (converted, credited), values


def test_a_series_that_begins_after_the_order_was_counted(shop: Engine) -> None:
    """A late run begins Ann's series about the cart that the guest has ordered: the guest's mail converts no more."""
    with shop.begin() as connection:
        builders.order(connection, "o", "guest", NOON + 2 * HOUR, cart_id="new")
    assert counted(shop)["converted"] == [("cart", "guest"), ("greeting", "guest")]
    with shop.begin() as connection:
        mailed(connection, "ann", "cart", 1, **about("new"))
    found = counted(shop)
    assert ("cart", "guest") not in found["converted"]
    assert found["credited"] == [("o", "ann", "cart")]


def test_a_series_that_goes_on_is_one_series(shop: Engine) -> None:
    """A cart moves from the guest to Ann, both are mailed about it, and Ann orders. Both mails convert, as both of one
    customer would. The goal counts one series, and the credit is given once, to the later mail."""
    with shop.begin() as connection:
        first = mailed(connection, "guest", "cart", 1, **about("moved"))
        counted(shop)
        mailed(connection, "ann", "cart", 2, **about("moved"), continues=first, steps_from=NOON)
    with shop.begin() as connection:
        builders.order(connection, "o", "ann", NOON + 3 * HOUR, cart_id="moved")
    found = counted(shop)
    assert found["converted"] == [("cart", "ann"), ("cart", "guest"), ("greeting", "ann")]
    assert found["credited"] == [("o", "ann", "cart")]
    # Series about of-ann, of-guest and moved. The customers of the last one ordered, so all their mails convert.
    assert ("cart", 3, 3) in found["series"]


@pytest.mark.parametrize("is_holdout", [False, True])
def test_both_arms_of_a_holdout_are_treated_alike(warehouse: Engine, is_holdout: bool) -> None:
    """The guest's cart moves to Ann, who orders it: the first series is the unit, and converts. Ann, who was not dealt
    for this cart, is none. A visitor orders Bob's cart: Bob converts, and the visitor, who is a unit too, does not."""
    with warehouse.begin() as connection:
        builders.campaign(connection, "cart", holdout_ratio=0.5)
        builders.epoch(connection, "cart")
        for who in ("ann", "bob", "guest", "visitor"):
            builders.customer(connection, who)
        given = {"is_holdout": is_holdout}
        first = mailed(connection, "guest", **about("moved"), **given)
        mailed(connection, "ann", "cart", 1, **about("moved"), **given, continues=first, steps_from=NOON)
        mailed(connection, "bob", **about("of-bob"), **given)
        mailed(connection, "visitor", **about("of-visitor"), **given)
    counted(warehouse)
    with warehouse.begin() as connection:
        builders.order(connection, "o1", "ann", NOON + 2 * HOUR, cart_id="moved")
        builders.order(connection, "o2", "visitor", NOON + 2 * HOUR, cart_id="of-bob")
    found = counted(warehouse)
    arm = "held_out" if is_holdout else "treated"
    assert found["units"] == [("bob", arm, True, 1), ("guest", arm, True, 1), ("visitor", arm, False, 0)]
    assert found["people"] == [(arm, 3, 2)]


def test_an_erased_customer_leaves_the_numbers_as_they_are(shop: Engine) -> None:
    """What is left of a snapshot says which cart it was, so a full roll-up counts the same."""
    with shop.begin() as connection:
        builders.order(connection, "o", "guest", NOON + HOUR, cart_id="of-ann")
    before = counted(shop)
    with shop.begin() as connection:
        assert [erase_contexts(connection, "ann") for _ in range(2)] == [1, 0]
        assert rows(connection, "select context from journey.enrollment where occurrence = 'of-ann'") == [
            ({"cart_id": "of-ann"},)
        ]
    assert counted(shop) == before
