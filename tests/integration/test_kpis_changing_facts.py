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
                mailed(connection, goal, who)
    return warehouse


def mailed(connection: Connection, goal: str, who: str, **columns: Any) -> None:
    """A series of the goal's campaign, mailed at noon."""
    enrollment = builders.enrollment(connection, goal, who, **columns)
    builders.decision(connection, enrollment, goal, who, variant=who)
    builders.message(connection, enrollment, goal, who, variant=who)
    builders.insert(
        connection, "event.engagement", enrollment_id=enrollment, step="reminder", campaign=goal,
        customer_id=who, message_id=builders.message_id_of(connection, enrollment, "reminder"),
        first_event_at=NOON, delivered_at=NOON,
        batch_id=builders.insert(connection, "event.batch", source_name="test"),
    )  # fmt: skip


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


def test_a_code_that_an_order_no_longer_names_was_not_used(shop: Engine) -> None:
    """Bob's own code converts Bob's mail, also if Ann ordered with it, as long as her order names it."""
    with shop.begin() as connection:
        query = "select enrollment_id from journey.enrollment where campaign = 'offer_used' and customer_id = 'bob'"
        ((series,),) = rows(connection, query)
        builders.insert(
            connection, "message.offer_code", code="BOB1", enrollment_id=series, step="reminder", customer_id="bob",
            message_id=builders.message_id_of(connection, series, "reminder"), campaign="offer_used", kind="percent",
            is_shared=False, only_once=True, valid_from=NOON, valid_until=LATER,
        )  # fmt: skip
        put(connection, "order", offer_code="bob1 ")
    anns = {("order", "ann"), ("receipt", "ann")}
    assert converted(shop) == anns | {("offer_used", "bob")}
    with shop.begin() as connection:
        change(connection, "order", offer_code=None)
    assert converted(shop) == anns


def test_every_fact_that_reaches_a_goal_is_watched(warehouse: Engine) -> None:
    """Each table of facts that the goals read, also through a view, tells the roll-up whose fact it was: a new goal
    needs a trigger too."""
    text = "".join(file.read_text(encoding="utf-8") for file in (SQL_FOLDER / "kpis/goals").glob("*.sql"))
    named = set(re.findall(r"\b(?:source|event|message)\.\w+", text))
    behind = """
    with recursive behind as (
        select cast(to_regclass(name) as oid) as relation
        from unnest(cast(:named as text[])) as name
        union
        select pg_depend.refobjid as relation
        from behind
        inner join pg_rewrite on behind.relation = pg_rewrite.ev_class
        inner join pg_depend
            on pg_rewrite.oid = pg_depend.objid and pg_depend.refclassid = cast('pg_class' as regclass)
    )

    select cast(cast(pg_class.oid as regclass) as text)
    from behind
    inner join pg_class on behind.relation = pg_class.oid
    where
        pg_class.relkind = 'r'
        and (
            pg_class.relnamespace = cast('source' as regnamespace)
            or pg_class.oid = cast('event.survey_answer' as regclass)
        )
    """
    query = "select cast(cast(tgrelid as regclass) as text) from pg_trigger where tgname = 'kpi_moved_fact'"
    with warehouse.connect() as connection:
        read = {table for (table,) in rows(connection, behind, named=sorted(named))}
        assert read == {table for (table,) in rows(connection, query)}


@pytest.fixture
def goals(warehouse: Engine) -> Engine:
    """A campaign per goal that few have; each mailed Ann and Bob at noon. Ann's series of `reordered` is about the
    product p1, Bob's about the type tea."""
    with warehouse.begin() as connection:
        for who in ("ann", "bob"):
            builders.customer(connection, who)
        for goal in ("referred", "registered", "confirmed", "activity", "reordered", "answered"):
            builders.campaign(connection, goal, goal_event=goal, is_marketing=False)
            mailed(connection, goal, "ann", context={"product_id": "p1"})
            mailed(connection, goal, "bob", context={"product_type": "tea"})
    assert converted(warehouse) == set()
    return warehouse


def told(warehouse: Engine, query: str, **values: Any) -> set[tuple[str, str]]:
    """The conversions after what a load, or a page, has written."""
    with warehouse.begin() as connection:
        given = {"at": NOON + 5 * HOUR, "late": NOON + 200 * HOUR, "load": builders.load(connection), **values}
        connection.execute(sa.text(query), {key: value for key, value in given.items() if f":{key}" in query})
    return converted(warehouse)


def test_a_friends_order_reaches_a_goal(goals: Engine) -> None:
    """From the load that names the order on, and for whom the referral is by then."""
    columns = "referral_id, customer_id, referred_at, load_id"
    put_in = f"insert into source.referral ({columns}) values ('r', 'ann', :at, :load)"  # noqa: S608
    assert told(goals, put_in) == set()
    assert told(goals, "update source.referral set ordered_at = :at, load_id = :load") == {("referred", "ann")}
    assert told(goals, "update source.referral set customer_id = 'bob', load_id = :load") == {("referred", "bob")}
    assert told(goals, "update source.referral set ordered_at = :late, load_id = :load") == set()


def test_a_registration_reaches_a_goal_until_it_is_cancelled(goals: Engine) -> None:
    """And counts at its own time."""
    put_in = "insert into source.registration values ('w', 'ann', :at, 'registered', null, :load)"
    assert told(goals, put_in) == {("registered", "ann")}
    assert told(goals, "update source.registration set registered_at = :late, load_id = :load") == set()
    assert told(goals, "update source.registration set registered_at = :at, load_id = :load") == {("registered", "ann")}
    assert told(goals, "update source.registration set status = 'cancelled', load_id = :load") == set()


def test_a_yes_reaches_a_goal_without_a_load(goals: Engine) -> None:
    """What is said on our page comes with no load, and counts in the next roll-up."""
    put_in = (
        "insert into source.permission_change (customer_id, permission, permission_at, origin)"
        " values ('ann', :said, :at, 'confirmation')"
    )
    assert told(goals, put_in, said="pending") == set()
    assert told(goals, put_in, said="confirmed") == {("confirmed", "ann")}


def test_any_sign_of_life_reaches_a_goal(goals: Engine) -> None:
    """A page view, an order and a review, each of whom it is by then."""
    view = "insert into source.page_view (view_id, customer_id, viewed_at, load_id) values ('v', 'ann', :at, :load)"
    assert told(goals, view) == {("activity", "ann")}
    assert told(goals, "update source.page_view set customer_id = 'bob', load_id = :load") == {("activity", "bob")}
    review = "insert into source.review values ('r', 'ann', 'p', null, 5, :at, :load)"
    assert told(goals, review) == {("activity", "ann"), ("activity", "bob")}


def test_what_is_bought_again_reaches_a_goal(goals: Engine) -> None:
    """Lines may come later than their order, name another product later, and products may change their type."""
    for product, kind in (("p1", "tea"), ("p2", "mug")):
        put_in = "insert into source.product (product_id, name, product_type, load_id) values (:id, 'x', :kind, :load)"
        told(goals, put_in, id=product, kind=kind)
    only_orders = {("activity", "ann"), ("activity", "bob")}
    for who in ("ann", "bob"):
        columns = "order_id, customer_id, ordered_at, total, load_id"
        told(goals, f"insert into source.orders ({columns}) values (:w, :w, :at, 1, :load)", w=who)  # noqa: S608
    line = "insert into source.order_line values (:w, 1, :product, 1, 1, :load)"
    assert told(goals, line, w="ann", product="p1") == only_orders | {("reordered", "ann")}
    assert told(goals, line, w="bob", product="p2") == only_orders | {("reordered", "ann")}
    retyped = "update source.product set product_type = 'tea', load_id = :load where product_id = 'p2'"
    assert told(goals, retyped) == only_orders | {("reordered", "ann"), ("reordered", "bob")}
    other = "update source.order_line set product_id = 'p2', load_id = :load where order_id = 'ann'"
    assert told(goals, other) == only_orders | {("reordered", "bob")}
    assert told(goals, "delete from source.order_line where order_id = 'bob'") == only_orders


def test_an_answer_reaches_a_goal_until_it_is_erased(goals: Engine) -> None:
    """An answer comes with an ingest. An erasure deletes it, and the conversion with it."""
    with goals.begin() as connection:
        batch = builders.insert(connection, "event.batch", source_name="answers")
        query = "select enrollment_id from journey.enrollment where campaign = 'answered' and customer_id = 'ann'"
        ((series,),) = rows(connection, query)
        builders.insert(
            connection, "event.survey_answer", enrollment_id=series, step="reminder", campaign="answered",
            customer_id="ann", survey="needs", answer="home", answered_at=NOON + HOUR, is_current=True, batch_id=batch,
        )  # fmt: skip
    assert converted(goals) == {("answered", "ann")}
    assert told(goals, "delete from event.survey_answer") == set()
