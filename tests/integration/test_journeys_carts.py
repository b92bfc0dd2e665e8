"""A cart and its series: closed by the order that names it, and followed to another customer at login."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, order, rows
from lifecycle_mail import segments
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.journeys import enroll
from planning import THREE_STEPS, campaign_of, decided, plan, states, topic_of

HOUR = dt.timedelta(hours=1)
CART = campaign_of(steps=THREE_STEPS)
ONE_STEP = campaign_of()


def shop(warehouse: Engine, **columns: Any) -> None:
    """Ann, Bob and a guest, who may be mailed, and a cart of the guest, left an hour ago."""
    with warehouse.begin() as connection:
        for who in ("ann", "bob", "guest"):
            customer(connection, who, **columns)
    cart(warehouse, "k1", "guest", -1)


def cart(warehouse: Engine, key: str, who: str, hours: float) -> None:
    """A cart of one line, created two hours before NOON and last changed NOON + hours."""
    with warehouse.begin() as connection:
        insert(
            connection, "source.cart", cart_id=key, customer_id=who, created_at=NOON - 2 * HOUR,
            updated_at=NOON + hours * HOUR, status="open", load_id=1,
        )  # fmt: skip
        insert(connection, "source.cart_line", cart_id=key, product_id="p1", quantity=1, unit_price=2, load_id=1)


def moves(warehouse: Engine, who: str, hours: float | None = None) -> None:
    """The cart k1 is theirs now; with `hours` it changed then, too."""
    query = "update source.cart set customer_id = :who, updated_at = coalesce(:at, updated_at) where cart_id = 'k1'"
    with warehouse.begin() as connection:
        at = None if hours is None else NOON + hours * HOUR
        connection.execute(sa.text(query), {"who": who, "at": at})


def planned(warehouse: Engine, hours: float = 0, campaign: Campaign = ONE_STEP) -> None:
    """Refresh the segment and plan, both at NOON + hours."""
    at = NOON + hours * HOUR
    segments.refresh(warehouse, "cart_abandoned", at)
    plan(warehouse, campaign, topic_of(), at)


def become(warehouse: Engine, state: str, hours: float = 0) -> None:
    """Every planned mail is in this state now."""
    at = NOON + hours * HOUR
    query = """
        update message.message
        set
            state = :state, claimed_at = :at,
            accepted_at = case when :state = 'accepted' then cast(:at as timestamptz) end
        where state = 'planned'
    """
    with warehouse.begin() as connection:
        connection.execute(sa.text(query), {"state": state, "at": at})


def series(warehouse: Engine) -> list[tuple[Any, ...]]:
    query = "select customer_id, end_reason from journey.enrollment order by enrollment_id"
    with warehouse.connect() as connection:
        return rows(connection, query)


def steps(warehouse: Engine, who: str) -> list[tuple[Any, ...]]:
    """(step, hours from NOON at which it was due, reason of its decision) of a customer, in the order of decisions."""
    query = """
        select step, cast(extract(epoch from due_at - :noon) / 3600 as integer), reason
        from decision.decision where customer_id = :who order by due_at, decision_id
    """
    with warehouse.connect() as connection:
        return rows(connection, query, who=who, noon=NOON)


def waiting(warehouse: Engine) -> list[tuple[Any, ...]]:
    query = "select customer_id, reason from journey.occurrence where fate = 'waiting' order by 1, occurrence"
    with warehouse.connect() as connection:
        return rows(connection, query)


def test_a_series_follows_its_cart_to_another_customer(warehouse: Engine) -> None:
    """After a login the cart is Ann's: the guest's series ends as `cart_moved` and sends nothing, and Ann has one."""
    shop(warehouse)
    planned(warehouse)
    assert series(warehouse) == [("guest", None)]
    moves(warehouse, "ann")
    for _ in range(2):
        planned(warehouse, 1)
        assert series(warehouse) == [("guest", "cart_moved"), ("ann", None)]


SENT, NOT_SENT = ("accepted", "claimed", "in_doubt", "abandoned"), ("planned", "cancelled", "rejected")


def test_a_series_goes_on_where_that_of_the_former_customer_was(warehouse: Engine) -> None:
    """What was sent, or may have been, is not sent again, and the other steps keep the hours of the first series. If
    nothing was sent, the new series begins at the first step: a planned mail never goes once the cart has moved, and
    what the provider refused reached no one."""
    for state in (*SENT, *NOT_SENT):
        with warehouse.begin() as connection:
            customer(connection, f"guest-{state}")
            customer(connection, f"ann-{state}")
        cart(warehouse, f"k-{state}", f"guest-{state}", -1)
    planned(warehouse, 0, CART)
    with warehouse.begin() as connection:
        connection.execute(
            sa.text(
                "update message.message set state = split_part(customer_id, '-', 2), claimed_at = :at,"
                " accepted_at = case when customer_id = 'guest-accepted' then cast(:at as timestamptz) end"
            ),
            {"at": NOON},
        )
        connection.execute(
            sa.text("update source.cart set customer_id = replace(customer_id, 'guest', 'ann'), updated_at = :at"),
            {"at": NOON + 5 * HOUR},
        )
    for hours in (7, 7, 22, 23, 30, 47):
        planned(warehouse, hours, CART)
    for state in SENT:
        assert steps(warehouse, f"guest-{state}") == [
            ("reminder", 0, "eligible"), ("doubts", 23, "cart_moved"), ("incentive", 47, "cart_moved"),
        ]  # fmt: skip
        assert steps(warehouse, f"ann-{state}") == [
            ("reminder", 0, "already_sent"), ("doubts", 23, "eligible"), ("incentive", 47, "eligible"),
        ]  # fmt: skip
    for state in NOT_SENT:
        assert steps(warehouse, f"ann-{state}") == [("reminder", 7, "eligible"), ("doubts", 30, "eligible")]


def test_a_step_that_fell_due_between_the_two_series_is_sent(warehouse: Engine) -> None:
    """It was due at hour 23, when the cart had moved and was not idle yet. Ann gets it at hour 25, in time."""
    shop(warehouse)
    planned(warehouse, 0, CART)
    become(warehouse, "accepted")
    moves(warehouse, "ann", 22)
    for hours in (22.5, 24, 25):
        planned(warehouse, hours, CART)
    assert ("doubts", 23, "eligible") in steps(warehouse, "ann")


def test_a_cart_that_moves_twice_and_back(warehouse: Engine) -> None:
    """Guest, Ann, Bob, Ann, guest: the reminder goes to the guest, the doubts to Ann, the incentive to the last one."""
    shop(warehouse)
    planned(warehouse, 0, CART)
    become(warehouse, "accepted")
    moves(warehouse, "ann", 5)
    for hours in (7, 23):
        planned(warehouse, hours, CART)
    become(warehouse, "accepted", 23)
    for hours, who in enumerate(("bob", "ann", "guest")):
        moves(warehouse, who, 30 + 3 * hours)
        for later in (1, 2):
            planned(warehouse, 30 + 3 * hours + later, CART)
    planned(warehouse, 47, CART)
    assert series(warehouse) == [
        ("guest", "cart_moved"), ("ann", "cart_moved"), ("bob", "cart_moved"), ("ann", "cart_moved"), ("guest", None),
    ]  # fmt: skip
    sent = [("reminder", 0, "already_sent"), ("doubts", 23, "already_sent")]
    assert steps(warehouse, "bob")[:2] == sent
    assert steps(warehouse, "guest")[-1] == ("incentive", 47, "eligible")
    assert {row for row in states(warehouse) if row[2] != "cancelled"} == {
        ("guest", "reminder", "accepted", None), ("ann", "doubts", "accepted", None),
        ("guest", "incentive", "planned", None),
    }  # fmt: skip


@pytest.mark.parametrize("is_sent", [True, False])
def test_the_reentry_days_are_those_of_the_cart(warehouse: Engine, is_sent: bool) -> None:
    """If the former series ended otherwise, Ann waits for its re-entry days. If it sent nothing, she does not."""
    shop(warehouse)
    planned(warehouse)
    if is_sent:
        become(warehouse, "accepted")
    with warehouse.begin() as connection:
        connection.execute(
            sa.text("update journey.enrollment set ended_at = :at, end_reason = 'unsubscribed'"), {"at": NOON}
        )
    moves(warehouse, "ann", 5)
    for _ in range(2):
        planned(warehouse, 7)
        assert waiting(warehouse) == ([("ann", "reentered_too_soon")] if is_sent else [])
        assert series(warehouse)[1:] == ([] if is_sent else [("ann", None)])
    if is_sent:
        moves(warehouse, "ann", 7 * 24 - 1)
        planned(warehouse, 7 * 24 + 1)
        assert steps(warehouse, "ann") == [("reminder", 7 * 24 + 1, "eligible")]


def test_another_cart_of_the_customer_moves_up(warehouse: Engine) -> None:
    """The newest of Ann's two carts has to wait for the guest's mail, so the other one begins a series."""
    shop(warehouse)
    planned(warehouse)
    become(warehouse, "accepted")
    planned(warehouse, 1)
    assert series(warehouse) == [("guest", "completed")]
    cart(warehouse, "k2", "ann", 4)
    moves(warehouse, "ann", 5)
    planned(warehouse, 7)
    with warehouse.connect() as connection:
        query = "select context ->> 'cart_id' from journey.enrollment where customer_id = 'ann'"
        assert rows(connection, query) == [("k2",)]
    assert waiting(warehouse) == [("ann", "reentered_too_soon")]


def test_a_cart_that_changes_after_it_moved(warehouse: Engine) -> None:
    """Ann's series of it has sent nothing itself, and goes on with the newer cart: the reminder went to the guest. A
    newer cart of hers waits, as it would have if the reminder had been hers."""
    shop(warehouse)
    planned(warehouse, 0, CART)
    become(warehouse, "accepted")
    moves(warehouse, "ann", 5)
    planned(warehouse, 7, CART)
    moves(warehouse, "ann", 8)
    planned(warehouse, 10, CART)
    cart(warehouse, "k2", "ann", 11)
    for hours in (13, 23):
        planned(warehouse, hours, CART)
    assert series(warehouse) == [("guest", "cart_moved"), ("ann", None)]
    assert steps(warehouse, "ann") == [("reminder", 0, "already_sent"), ("doubts", 23, "eligible")]
    assert waiting(warehouse) == [("ann", "series_running")]


@pytest.mark.parametrize(
    ("newer_occurrence", "is_mailed", "found"),
    [
        ("supersede", False, [("ann", "superseded"), ("guest", "cart_moved"), ("ann", None)]),
        ("supersede", True, [("ann", None), ("guest", "cart_moved")]),
        ("wait", False, [("ann", None), ("guest", "cart_moved")]),
        ("join", False, [("ann", None), ("guest", "cart_moved")]),
    ],
)
def test_the_new_customer_has_a_series_of_another_cart(
    warehouse: Engine, newer_occurrence: str, is_mailed: bool, found: list[tuple[Any, ...]]
) -> None:
    """What a newer occurrence does, the campaign says. A cart whose reminder was sent is not joined to a first mail."""
    campaign = campaign_of(steps=THREE_STEPS, newer_occurrence=newer_occurrence)
    shop(warehouse)
    cart(warehouse, "k2", "ann", -1)
    planned(warehouse, 0, campaign)
    with warehouse.begin() as connection:
        connection.execute(
            sa.text(
                "update message.message set state = 'accepted', claimed_at = :at, accepted_at = :at"
                " where customer_id = 'guest' or :is_mailed"
            ),
            {"at": NOON, "is_mailed": is_mailed},
        )
    moves(warehouse, "ann", 5)
    planned(warehouse, 7, campaign)
    assert sorted(series(warehouse), key=str) == sorted(found, key=str)
    if len(found) == 3:
        assert ("reminder", 0, "already_sent") in steps(warehouse, "ann")
    else:
        assert [who for who, _ in waiting(warehouse)] == ["ann"]


def test_the_arm_follows_the_cart(warehouse: Engine) -> None:
    """A held-out guest: what was decided counts as sent, and Ann stays held out for this cart, though not by her own
    name. So does the variant of a later step."""
    variants = {"one": 0.5, "other": 0.5}
    third = [*THREE_STEPS[:2], {**THREE_STEPS[2], "variants": variants}]
    shop(warehouse)
    planned(warehouse, 0, campaign_of(steps=third, holdout=0.999999))
    moves(warehouse, "ann", 5)
    campaign = campaign_of(steps=third)  # those who begin now are not held out
    for hours in (7, 23, 47):
        planned(warehouse, hours, campaign)
    assert steps(warehouse, "ann") == [
        ("reminder", 0, "already_sent"), ("doubts", 23, "held_out"), ("incentive", 47, "held_out"),
    ]  # fmt: skip
    with warehouse.connect() as connection:
        query = "select distinct variant from journey.step_due where step = 'incentive'"
        assert len(rows(connection, query)) == 1
        assert rows(connection, "select distinct is_holdout from journey.enrollment") == [(True,)]


def test_conditions_ask_the_mails_of_all_series_of_the_cart(warehouse: Engine) -> None:
    """A step for those who did not open the reminder: the guest opened it, so Ann does not get the step."""
    later = {**THREE_STEPS[1], "unless": {"opened": "reminder"}, "when": {"sent": "reminder"}}
    campaign = campaign_of(steps=[THREE_STEPS[0], later])
    shop(warehouse)
    planned(warehouse, 0, campaign)
    become(warehouse, "accepted")
    with warehouse.begin() as connection:
        insert(
            connection, "event.engagement", enrollment_id=1, step="reminder", campaign="cart_abandoned",
            customer_id="guest", message_id=rows(connection, "select message_id from message.message")[0][0],
            first_event_at=NOON, first_open_at=NOON,
            batch_id=insert(connection, "event.batch", source_name="test"),
        )  # fmt: skip
    moves(warehouse, "ann", 5)
    for hours in (7, 23):
        planned(warehouse, hours, campaign)
    assert steps(warehouse, "ann") == [("reminder", 0, "already_sent"), ("doubts", 23, "branch_not_taken")]


def test_a_run_that_died_after_the_former_series_ended(warehouse: Engine) -> None:
    """The next run goes on with the series all the same, also if a step that it has comes due only then."""
    shop(warehouse)
    planned(warehouse, 0, CART)
    become(warehouse, "accepted")
    moves(warehouse, "ann", 5)
    segments.refresh(warehouse, "cart_abandoned", NOON + 7 * HOUR)
    enroll(warehouse, CART, NOON + 7 * HOUR)  # and nothing after it
    planned(warehouse, 24, CART)
    assert steps(warehouse, "ann") == [("reminder", 0, "already_sent"), ("doubts", 23, "eligible")]


def test_a_no_at_the_same_mailbox_binds_both(warehouse: Engine) -> None:
    """The guest and Ann share a mailbox. The guest leaves after the login: Ann's series sends nothing more."""
    shop(warehouse, email="one@example.com")
    planned(warehouse, 0, CART)
    become(warehouse, "accepted")
    moves(warehouse, "ann", 5)
    planned(warehouse, 7, CART)
    with warehouse.begin() as connection:
        connection.execute(
            sa.text(
                "update source.customer set permission = 'withdrawn', permission_at = :at where customer_id = 'guest'"
            ),
            {"at": NOON + 8 * HOUR},
        )
        insert(
            connection, "source.permission_change", customer_id="guest", permission="withdrawn", origin="feed",
            permission_at=NOON + 8 * HOUR, address="one@example.com",
        )  # fmt: skip
    planned(warehouse, 23, CART)
    assert [row for row in decided(warehouse) if row[0] == "ann" and row[2] != "skip"] == []


def test_a_key_that_is_used_again_is_another_cart(warehouse: Engine) -> None:
    """The shop gives the key to a new cart of Ann's: she gets its reminder."""
    shop(warehouse)
    planned(warehouse, 0, CART)
    become(warehouse, "accepted")
    moves(warehouse, "ann", 5)
    with warehouse.begin() as connection:
        connection.execute(sa.text("update source.cart set created_at = :at"), {"at": NOON + 4 * HOUR})
    planned(warehouse, 7, CART)
    assert steps(warehouse, "ann") == [("reminder", 7, "eligible")]


def test_a_guests_order_closes_the_cart_that_it_names(warehouse: Engine) -> None:
    """An order of another customer id, that names the cart: the series ends, and none begins again."""
    shop(warehouse)
    planned(warehouse)
    with warehouse.begin() as connection:
        order(connection, "o1", "visitor", NOON, cart_id="k1")
    for _ in range(2):
        planned(warehouse, 1)
        assert series(warehouse) == [("guest", "converted")]
    assert list(segments.members(warehouse, "cart_abandoned", NOON + HOUR)) == []
