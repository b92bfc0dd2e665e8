"""Facts that are dated days ahead: none counts before its time, and each counts from then on without another load.

A shop's clock or a mistyped date brings them: orders, page views, carts, reviews, offers, opt-outs and events.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy.engine import Connection, Engine

from builders import (
    NOON,
    campaign,
    customer,
    decision,
    enrollment,
    ensure_month,
    insert,
    load,
    message,
    order,
    permission,
    rows,
)
from lifecycle_mail import segments
from lifecycle_mail.events import ingest
from lifecycle_mail.journeys import enroll, exit_of
from lifecycle_mail.kpis import check, roll_up
from lifecycle_mail.sources import rebuild_activity
from planning import campaign_of, member

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AHEAD = NOON + 3 * DAY
"""The date of every fact that is ahead."""
LONG_AGO = NOON - 100 * DAY


def batch(connection: Connection) -> int:
    """One step of an ingest."""
    return insert(connection, "event.batch", source_name="test")


def viewed(connection: Connection, who: str, at: datetime) -> None:
    insert(
        connection, "source.page_view", view_id=f"{who}-{at:%m%d%H}", customer_id=who, viewed_at=at,
        load_id=load(connection),
    )  # fmt: skip


def cart(connection: Connection, who: str, at: datetime, **columns: Any) -> None:
    loaded = load(connection)
    values = {"cart_id": f"cart-{who}", "customer_id": who, "created_at": at, "updated_at": at, "status": "open"}
    insert(connection, "source.cart", **{**values, **columns}, load_id=loaded)
    insert(
        connection, "source.cart_line", cart_id=f"cart-{who}", product_id="p1", quantity=1, unit_price=2,
        load_id=loaded,
    )  # fmt: skip


def coffee(connection: Connection, order_id: str, who: str, at: datetime) -> None:
    """A pack that lasts ten days."""
    loaded = load(connection)
    if not rows(connection, "select 1 from source.product"):
        insert(
            connection, "source.product", product_id="coffee", name="Coffee", product_type="coffee",
            is_consumable=True, units_per_pack=10, daily_use=1, load_id=loaded,
        )  # fmt: skip
    order(connection, order_id, who, at)
    insert(
        connection, "source.order_line", order_id=order_id, line_no=1, product_id="coffee", quantity=1, unit_price=5,
        load_id=loaded,
    )  # fmt: skip


def clicked(connection: Connection, who: str, *moments: datetime) -> int:
    """A mail of another campaign that was clicked at these moments."""
    series = enrollment(connection, "other", who)
    message_id = message(connection, series, "other", who)
    number = batch(connection)
    for moment in moments:
        ensure_month(connection, "event.event", moment)
        insert(
            connection, "event.event", sg_event_id=f"{who}-{moment:%m%d%H}", occurred_at=moment, event="click",
            fact="click", message_id=message_id, batch_id=number, raw={},
        )  # fmt: skip
        insert(
            connection, "event.click", enrollment_id=series, step="reminder", clicked_at=moment, link=1, agent=1,
            is_scanner=False,
        )  # fmt: skip
    return insert(
        connection, "event.engagement", enrollment_id=series, step="reminder", message_id=message_id,
        campaign="other", customer_id=who, first_event_at=min(moments), first_click_at=min(moments),
        last_click_at=max(moments), batch_id=number,
    )  # fmt: skip


def inside(engine: Engine, name: str, as_of: datetime, **parameters: Any) -> set[str]:
    return {one.customer_id for one in segments.members(engine, name, as_of, parameters)}


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """People whose newest fact is ahead, each of another kind, and `still` without any."""
    with warehouse.begin() as connection:
        for who in ("orders", "views", "clicks", "still", "carts", "later", "coffee"):
            customer(connection, who)
        for who in ("orders", "views", "clicks", "still"):
            viewed(connection, who, LONG_AGO)
        order(connection, "o-ahead", "orders", AHEAD)
        viewed(connection, "views", AHEAD)
        clicked(connection, "clicks", LONG_AGO - DAY, AHEAD)
        cart(connection, "carts", NOON - 2 * HOUR)
        order(connection, "o-carts", "carts", AHEAD)
        cart(connection, "later", AHEAD)
        coffee(connection, "c-first", "coffee", NOON - 9 * DAY)
        coffee(connection, "c-ahead", "coffee", AHEAD)
    rebuild_activity(warehouse)
    return warehouse


@pytest.mark.parametrize("is_fast", [True, False])
def test_segments_count_a_fact_from_its_time_on(shop: Engine, is_fast: bool) -> None:
    """The silent stay silent, the cart stays left, and the coffee runs out, until the fact comes. With the activity row
    and without it the same people are inside."""
    if not is_fast:
        with shop.begin() as connection:
            connection.exec_driver_sql("delete from source.customer_activity")
    silent = {"orders", "views", "clicks", "still"}
    assert inside(shop, "inactive", NOON) == silent
    assert inside(shop, "inactive", AHEAD - HOUR) == silent
    assert inside(shop, "inactive", AHEAD) == {"still"}
    assert inside(shop, "inactive", AHEAD + 90 * DAY) >= silent
    assert inside(shop, "cart_abandoned", NOON) == inside(shop, "cart_abandoned", AHEAD - HOUR) == {"carts"}
    assert inside(shop, "cart_abandoned", AHEAD + HOUR) == {"later"}
    assert inside(shop, "replenishment_due", NOON) == inside(shop, "replenishment_due", AHEAD - HOUR) == {"coffee"}
    assert inside(shop, "replenishment_due", AHEAD) == set()
    assert inside(shop, "replenishment_due", AHEAD + 7 * DAY) == {"coffee"}


FACTS: dict[str, Any] = {
    "order": lambda connection: order(connection, "o", "order", AHEAD),
    "reordered": lambda connection: coffee(connection, "c", "reordered", AHEAD),
    "cart_emptied": lambda connection: cart(connection, "cart_emptied", AHEAD, status="emptied", cart_id="k"),
    "review": lambda connection: insert(
        connection, "source.review", review_id="r", customer_id="review", product_id="p", rating=5, reviewed_at=AHEAD,
        load_id=load(connection),
    ),
    "offer_used": lambda connection: insert(
        connection, "source.offer", offer_code="x", customer_id="offer_used", valid_from=NOON, valid_until=AHEAD + DAY,
        redeemed_at=AHEAD, load_id=load(connection),
    ),
    "activity": lambda connection: viewed(connection, "activity", AHEAD),
    "unsubscribed": lambda connection: insert(
        connection, "event.suppression", address="unsubscribed@example.com", scope="all", source="event",
        reason="unsubscribed", suppressed_at=AHEAD,
    ),
}  # fmt: skip


def test_exits_count_a_fact_from_its_time_on(warehouse: Engine) -> None:
    """No word ends a series before its fact comes, and then each does, named as ever."""
    words = [word for word in FACTS if word != "activity"]
    one = campaign_of(exit_on=words, newer_occurrence="wait")
    other = campaign_of(campaign="win_back", exit_on=["activity"])
    with warehouse.begin() as connection:
        for word, fact in FACTS.items():
            customer(connection, word)
            if word == "cart_emptied":
                member(connection, word, context={"cart_id": "k"})
            else:
                member(connection, word, context={"product_id": "coffee"} if word == "reordered" else {"x": "y"})
            fact(connection)
    for campaign_here in (one, other):
        enroll(warehouse, campaign_here, NOON)
    told = {"order": "order", "reordered": "order"}
    with warehouse.connect() as connection:
        for word in FACTS:
            asked = other if word == "activity" else one
            assert exit_of(connection, asked, word, AHEAD - HOUR) is None, word
            found = exit_of(connection, asked, word, AHEAD)
            assert found is not None, word
            assert (found.reason, found.exited_at) == (told.get(word, word), AHEAD)


def test_a_click_that_is_ahead_hides_no_click_before_it(warehouse: Engine) -> None:
    """Clicked before the series, in it, and in the future: the click in the series ends it, when it happened."""
    win_back = campaign_of(campaign="win_back", exit_on=["activity"])
    with warehouse.begin() as connection:
        customer(connection, "ann")
        member(connection, "ann", context={"x": "y"})
        clicked(connection, "ann", NOON - DAY, NOON + 2 * HOUR, AHEAD)
    enroll(warehouse, win_back, NOON)
    with warehouse.connect() as connection:
        assert exit_of(connection, win_back, "ann", NOON + HOUR) is None
        found = exit_of(connection, win_back, "ann", NOON + 3 * HOUR)
        assert found is not None
        assert found.exited_at == NOON + 2 * HOUR


def numbers(engine: Engine) -> dict[str, set[tuple[Any, ...]]]:
    """What is counted: conversions, clicks, revenue and movements, by day."""
    queries = {
        "converters": """select customer_id, accepted_converted_day from kpi.step_outcome
            where accepted_converted_day is not null""",
        "clickers": "select customer_id, clicked_day from kpi.step_outcome where clicked_day is not null",
        "revenue": "select order_id, order_day, revenue from kpi.order_credit",
        "moved": "select customer_id, day, movement from kpi.list_movement where movement <> 'joined'",
    }
    assert check(engine) == []
    with engine.connect() as connection:
        return {name: set(rows(connection, query)) for name, query in queries.items()}


@pytest.mark.parametrize("goal", ["order", "page_view", "review", "offer_used"])
def test_numbers_count_a_fact_from_its_time_on(warehouse: Engine, goal: str) -> None:
    """Nothing is converted, clicked, earned or lost before its day. Then an incremental roll-up without another load
    counts it all, as a full one does. That loads came before the first mail makes no difference."""
    facts = {
        "order": lambda connection: None,
        "page_view": lambda connection: viewed(connection, "goal", AHEAD),
        "review": lambda connection: insert(
            connection, "source.review", review_id="r", customer_id="goal", product_id="p", rating=5,
            reviewed_at=AHEAD, load_id=load(connection),
        ),
        "offer_used": lambda connection: insert(
            connection, "source.offer", offer_code="x", customer_id="goal", valid_from=NOON, valid_until=AHEAD + DAY,
            redeemed_at=AHEAD, load_id=load(connection),
        ),
    }  # fmt: skip
    with warehouse.begin() as connection:
        campaign(connection, goal_event=goal)
        for who in ("goal", "buys", "twice", "leaves"):
            customer(connection, who)
            permission(connection, who, "confirmed", LONG_AGO)
        facts[goal](connection)
        order(connection, "o1", "buys", AHEAD, total=7)
        order(connection, "o2", "twice", AHEAD, total=5)
        order(connection, "o3", "twice", AHEAD + DAY, total=6)
        permission(connection, "leaves", "withdrawn", AHEAD)
    nothing: dict[str, set[tuple[Any, ...]]] = {key: set() for key in ("converters", "clickers", "revenue", "moved")}
    roll_up(warehouse, reporting_zone="UTC", now=NOON)
    with warehouse.begin() as connection:
        for who in ("goal", "buys", "twice"):
            series = enrollment(connection, "cart_abandoned", who)
            message_id = message(connection, series, "cart_abandoned", who)
            decision(connection, series, "cart_abandoned", who)
            if who == "goal":
                insert(
                    connection, "event.engagement", enrollment_id=series, step="reminder", message_id=message_id,
                    campaign="cart_abandoned", customer_id=who, first_event_at=NOON + HOUR, delivered_at=NOON + HOUR,
                    first_click_at=AHEAD, last_click_at=AHEAD, batch_id=batch(connection),
                )  # fmt: skip
    for moment in (NOON + HOUR, AHEAD - HOUR):
        roll_up(warehouse, reporting_zone="UTC", now=moment)
        assert numbers(warehouse) == nothing
    day, next_day = AHEAD.date(), (AHEAD + DAY).date()
    first = {
        "converters": {("buys", day), ("twice", day)} if goal == "order" else {("goal", day)},
        "clickers": {("goal", day)},
        "revenue": {("o1", day, 7), ("o2", day, 5)},
        "moved": {("leaves", day, "withdrawn")},
    }
    roll_up(warehouse, reporting_zone="UTC", now=AHEAD)
    assert numbers(warehouse) == first
    roll_up(warehouse, reporting_zone="UTC", now=AHEAD + 2 * DAY)
    last = {**first, "revenue": first["revenue"] | {("o3", next_day, 6)}}
    assert numbers(warehouse) == last
    with warehouse.connect() as connection:
        assert rows(connection, "select happens_at from kpi.ahead") == []
    for moment, counted in ((AHEAD + 2 * DAY, last), (AHEAD - HOUR, nothing), (AHEAD, first)):
        roll_up(warehouse, reporting_zone="UTC", now=moment, full=True)
        assert numbers(warehouse) == counted


@pytest.mark.parametrize(
    ("before", "ahead", "outcome"),
    [
        (["delivered", "blocked", "delivered"], "delivered", "delivered"),
        (["blocked", "delivered", "blocked"], "blocked", "bounced_soft"),
        (["open", "blocked", "open"], "open", "delivered"),
        (["click", "blocked", "click"], "click", "delivered"),
    ],
)
def test_the_newest_event_that_happened_decides(
    warehouse: Engine, tmp_path: Path, before: list[str], ahead: str, outcome: str
) -> None:
    """Of three events before now and one of the same kind ahead, the third is the newest so far."""
    with warehouse.begin() as connection:
        customer(connection, "ann")
        campaign(connection)
        series = enrollment(connection, "cart_abandoned", "ann")
        decision(connection, series, "cart_abandoned", "ann")
        message_id = message(connection, series, "cart_abandoned", "ann")
    events = [
        {
            "email": "ann@example.com", "timestamp": int(at.timestamp()), "sg_event_id": f"e{number}",
            "lm_message_id": message_id,
            **({"event": "bounce", "type": kind} if kind == "blocked" else {"event": kind}),
        }
        for number, (kind, at) in enumerate(
            zip([*before, ahead], [NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR, AHEAD], strict=True)
        )
    ]  # fmt: skip
    (tmp_path / "export.ndjson").write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    ingest(warehouse, tmp_path)
    roll_up(warehouse, reporting_zone="UTC", now=NOON + DAY)
    with warehouse.connect() as connection:
        assert rows(connection, "select outcome from kpi.step_outcome") == [(outcome,)]
