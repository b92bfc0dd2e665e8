"""A cart and its series: closed by the order that names it, and followed to another customer at login."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert
from lifecycle_mail import segments
from planning import campaign_of, plan, topic_of

HOUR = dt.timedelta(hours=1)


def shop(warehouse: Engine) -> None:
    """Ann and a guest, who both may be mailed, and a cart of the guest, left an hour ago."""
    with warehouse.begin() as connection:
        for who in ("ann", "guest"):
            customer(connection, who)
        insert(
            connection, "source.cart", cart_id="k1", customer_id="guest", created_at=NOON - 2 * HOUR,
            updated_at=NOON - HOUR, status="open", load_id=1,
        )  # fmt: skip
        insert(
            connection, "source.cart_line", cart_id="k1", product_id="p1", quantity=1, unit_price=2, load_id=1,
        )  # fmt: skip


def planned(warehouse: Engine, hours: int = 0) -> None:
    """Refresh the segment and plan, both at NOON + hours."""
    at = NOON + hours * HOUR
    segments.refresh(warehouse, "cart_abandoned", at)
    plan(warehouse, campaign_of(), topic_of(), at)


def series(warehouse: Engine) -> list[tuple[Any, ...]]:
    query = "select customer_id, end_reason from journey.enrollment order by enrollment_id"
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_a_series_follows_its_cart_to_another_customer(warehouse: Engine) -> None:
    """After a login the cart is Ann's: the guest's series ends as `cart_moved` and sends nothing, and Ann has one."""
    shop(warehouse)
    planned(warehouse)
    assert series(warehouse) == [("guest", None)]
    with warehouse.begin() as connection:
        connection.execute(sa.text("update source.cart set customer_id = 'ann'"))
    for _ in range(2):
        planned(warehouse, 1)
        assert series(warehouse) == [("guest", "cart_moved"), ("ann", None)]


def test_a_guests_order_closes_the_cart_that_it_names(warehouse: Engine) -> None:
    """An order of another customer id, that names the cart: the series ends, and none begins again."""
    shop(warehouse)
    planned(warehouse)
    with warehouse.begin() as connection:
        insert(
            connection, "source.orders", order_id="o1", customer_id="visitor", ordered_at=NOON, total=2, cart_id="k1",
            load_id=1,
        )  # fmt: skip
    for _ in range(2):
        planned(warehouse, 1)
        assert series(warehouse) == [("guest", "converted")]
    assert list(segments.members(warehouse, "cart_abandoned", NOON + HOUR)) == []
