"""Journeys: who enters a series, when it moves on, and what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from builders import NOON, customer, insert, load, order, rows
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.database import run_with
from lifecycle_mail.decisions import decide, send_hours
from lifecycle_mail.delivery.picking import pick_files
from lifecycle_mail.journeys import advance, enroll, publish
from lifecycle_mail.words import EXITS, words_of
from planning import THREE_STEPS, campaign_of, decided, member, members, plan, states, topic_of

HOUR = timedelta(hours=1)


def series(engine: Engine) -> set[tuple[Any, ...]]:
    with engine.connect() as connection:
        return set(rows(connection, "select customer_id, occurrence, end_reason from journey.enrollment"))


def test_members_are_enrolled_once(warehouse: Engine) -> None:
    """A second run of the same period, and a later one, enroll no customer again for the same occurrence."""
    members(warehouse, "ann", "bob")
    for as_of in (NOON, NOON, NOON + HOUR):
        plan(warehouse, campaign_of(), topic_of(), as_of)
    assert {row[:2] for row in series(warehouse)} == {("ann", "cart-ann"), ("bob", "cart-bob")}


def test_membership_at_as_of_counts_alone(warehouse: Engine) -> None:
    """A customer who left before or entered after as_of is not enrolled. One who left exactly at as_of is out, one who
    entered at it is in."""
    with warehouse.begin() as connection:
        for name, entered, left in (
            ("left_before", NOON - 2 * HOUR, NOON - HOUR),
            ("left_at", NOON - 2 * HOUR, NOON),
            ("entered_at", NOON, None),
            ("entered_after", NOON + HOUR, None),
        ):
            customer(connection, name)
            member(connection, name, at=entered, left_at=left)
    enroll(warehouse, campaign_of(), NOON)
    assert {row[0] for row in series(warehouse)} == {"entered_at"}


def test_a_newer_occurrence_supersedes_before_anything_was_sent(warehouse: Engine) -> None:
    """The older series ends as superseded, its steps are decided so, and the newer cart gets the mail."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(steps=THREE_STEPS), topic_of())
    with warehouse.begin() as connection:
        member(connection, "ann", "cart-new", NOON + HOUR)
    plan(warehouse, campaign_of(steps=THREE_STEPS), topic_of(), NOON + HOUR)
    assert series(warehouse) == {("ann", "cart-ann", "superseded"), ("ann", "cart-new", None)}
    assert {(step, reason) for _, step, _, reason in decided(warehouse)} == {
        ("reminder", "eligible"), ("doubts", "superseded"), ("incentive", "superseded"),
    }  # fmt: skip


def test_a_newer_occurrence_waits_once_something_was_sent(warehouse: Engine) -> None:
    """After the first mail the running series goes on; the newer cart waits for its end and reenter_after_days."""
    campaign = campaign_of(steps=THREE_STEPS, reenter_after_days=3)
    members(warehouse, "ann")
    plan(warehouse, campaign, topic_of())
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update message.message set state = 'accepted', accepted_at = now()")
        member(connection, "ann", "cart-new", NOON + HOUR)
    plan(warehouse, campaign, topic_of(), NOON + HOUR)
    assert series(warehouse) == {("ann", "cart-ann", None)}
    for hours in (48, 49, 71):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
        with warehouse.begin() as connection:
            connection.exec_driver_sql("update message.message set state = 'accepted' where state = 'planned'")
    assert series(warehouse) == {("ann", "cart-ann", "completed")}
    plan(warehouse, campaign, topic_of(), NOON + 73 * HOUR)
    assert series(warehouse) == {("ann", "cart-ann", "completed"), ("ann", "cart-new", None)}


def test_steps_come_due_at_their_hours(warehouse: Engine) -> None:
    """Each step is noticed in the first run at or after its hour, with the hour itself as due time."""
    campaign = campaign_of(steps=THREE_STEPS)
    members(warehouse, "ann")
    seen = {}
    for hours in (0, 22, 23, 46, 50):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
        with warehouse.connect() as connection:
            due = rows(connection, "select step, due_at from journey.step_due")
        seen[hours] = {step: (at - NOON) / HOUR for step, at in due}
    assert seen == {
        0: {"reminder": 0},
        22: {"reminder": 0},
        23: {"reminder": 0, "doubts": 23},
        46: {"reminder": 0, "doubts": 23},
        50: {"reminder": 0, "doubts": 23, "incentive": 47},
    }


@pytest.mark.parametrize("hourly", [True, False])
def test_an_order_ends_the_series_whatever_the_schedule(warehouse: Engine, hourly: bool) -> None:
    """The ledger is the same for an hourly and a daily campaign: the steps after the order are 'converted'."""
    campaign = campaign_of(steps=THREE_STEPS)
    members(warehouse, "ann")
    plan(warehouse, campaign, topic_of())
    with warehouse.begin() as connection:
        order(connection, "o1", "ann", NOON + 8 * HOUR)
    for hours in range(1, 49) if hourly else (24, 48):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    assert decided(warehouse) == {
        ("ann", "reminder", "send", "eligible"),
        ("ann", "doubts", "skip", "converted"),
        ("ann", "incentive", "skip", "converted"),
    }
    assert series(warehouse) == {("ann", "cart-ann", "converted")}


def test_an_order_loaded_late_still_ends_a_cart_series(warehouse: Engine) -> None:
    """An order between the cart's last change and the enrollment counts, though it was not known then."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(steps=THREE_STEPS), topic_of())
    with warehouse.begin() as connection:
        order(connection, "o1", "ann", NOON - timedelta(minutes=10))
        order(connection, "o2", "bob", NOON + HOUR)
    plan(warehouse, campaign_of(steps=THREE_STEPS), topic_of(), NOON + HOUR)
    assert series(warehouse) == {("ann", "cart-ann", "converted")}


def test_orders_that_never_count_end_nothing(warehouse: Engine) -> None:
    """A cancelled order, an order before the cart, and one after as_of leave the series running."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    with warehouse.begin() as connection:
        order(connection, "cancelled", "ann", NOON + HOUR, status="cancelled")
        order(connection, "before", "ann", NOON - 5 * HOUR)
        order(connection, "later", "ann", NOON + 9 * HOUR)
    plan(warehouse, campaign_of(), topic_of(), NOON + 2 * HOUR)
    assert series(warehouse) == {("ann", "cart-ann", None)}


def test_an_emptied_cart_ends_the_series(warehouse: Engine) -> None:
    """cart_emptied names itself; another customer's cart changes nothing."""
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(steps=THREE_STEPS), topic_of())
    with warehouse.begin() as connection:
        insert(
            connection, "source.cart", cart_id="cart-ann", customer_id="ann", created_at=NOON, status="emptied",
            updated_at=NOON + HOUR, load_id=load(connection),
        )  # fmt: skip
    advance(warehouse, campaign_of(steps=THREE_STEPS), NOON + 2 * HOUR)
    assert series(warehouse) == {("ann", "cart-ann", "cart_emptied"), ("bob", "cart-bob", None)}


def test_unsubscribing_ends_the_series(warehouse: Engine) -> None:
    """Leaving the topic or everything ends it; leaving another topic does not."""
    members(warehouse, "all", "topic", "other")
    plan(warehouse, campaign_of(steps=THREE_STEPS), topic_of())
    with warehouse.begin() as connection:
        for name, scope in (("all", "all"), ("topic", "topic:reminders"), ("other", "topic:offers")):
            insert(
                connection, "event.suppression", address=f"{name}@example.com", scope=scope, source="event",
                reason="unsubscribed", suppressed_at=NOON + HOUR,
            )  # fmt: skip
    advance(warehouse, campaign_of(steps=THREE_STEPS), NOON + 2 * HOUR)
    assert {(who, why) for who, _, why in series(warehouse)} == {
        ("all", "unsubscribed"), ("topic", "unsubscribed"), ("other", None),
    }  # fmt: skip


def test_holdout_and_variants_are_the_same_on_every_run(warehouse: Engine) -> None:
    """Arms depend on campaign and customer alone, and come near the shares asked for."""
    names = [f"c{number}" for number in range(400)]
    members(warehouse, *names)
    steps = [
        {"step": "reminder", "after_hours": 0, "template": "cart_abandoned/reminder",
         "variants": {"short": 0.25, "long": 0.75}}
    ]  # fmt: skip
    plan(warehouse, campaign_of(holdout=0.2, steps=steps), topic_of())
    with warehouse.connect() as connection:
        first = dict(rows(connection, "select customer_id, variant from decision.decision"))
        connection.rollback()
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "truncate journey.enrollment, journey.step_due, decision.decision, decision.progress,"
            " message.message, message.progress cascade"
        )
    plan(warehouse, campaign_of(holdout=0.2, steps=steps), topic_of())
    with warehouse.connect() as connection:
        assert dict(rows(connection, "select customer_id, variant from decision.decision")) == first
    shares = {arm: list(first.values()).count(arm) / 400 for arm in ("holdout", "short", "long")}
    assert 0.13 < shares["holdout"] < 0.27
    assert 0.13 < shares["short"] / (1 - shares["holdout"]) < 0.37
    assert set(first.values()) == {"holdout", "short", "long"}


def test_a_held_out_customer_never_gets_a_message_row(warehouse: Engine) -> None:
    """Held out and skipped steps are decisions, not mails."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(holdout=1.0), topic_of())
    assert decided(warehouse) == {("ann", "reminder", "skip", "held_out")}
    assert states(warehouse) == set()


def test_a_run_that_died_before_writing_mails_loses_none(warehouse: Engine) -> None:
    """Steps were decided but their mails not written: the next run writes the mails, and does not take the series for
    finished."""
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(holdout=0.0), topic_of(), NOON - HOUR)
    enroll(warehouse, campaign_of(), NOON)
    advance(warehouse, campaign_of(), NOON)
    decide(warehouse, campaign_of(), topic_of(), NOON, NOON)
    assert states(warehouse) == set()
    plan(warehouse, campaign_of(), topic_of(), NOON)
    plan(warehouse, campaign_of(), topic_of(), NOON + HOUR)
    assert states(warehouse) == {("ann", "reminder", "planned", None), ("bob", "reminder", "planned", None)}
    assert {reason for _, _, reason in series(warehouse)} == {None}


def test_the_same_period_twice_gives_the_same(warehouse: Engine) -> None:
    """A finished series is ended before its customer is looked at again: the first run enrolls, not the second."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update message.message set state = 'accepted', accepted_at = now()")
        member(connection, "ann", "cart-new", NOON + 200 * HOUR)
    plan(warehouse, campaign_of(), topic_of(), NOON + 200 * HOUR)
    once = series(warehouse)
    plan(warehouse, campaign_of(), topic_of(), NOON + 200 * HOUR)
    assert series(warehouse) == once == {("ann", "cart-ann", "completed"), ("ann", "cart-new", None)}


def awaited(engine: Engine) -> set[tuple[Any, ...]]:
    """(customer, step, hours after noon at which it is due) of every step a series awaits."""
    query = (
        "select customer_id, step, due_at from journey.upcoming"
        " join journey.enrollment on upcoming.enrollment_id = enrollment.enrollment_id"
    )
    with engine.connect() as connection:
        return {(who, step, (at - NOON) / HOUR) for who, step, at in rows(connection, query)}


def noted(engine: Engine) -> set[tuple[Any, ...]]:
    with engine.connect() as connection:
        return set(rows(connection, "select customer_id, step, variant from journey.step_due"))


def test_what_is_due_at_enrollment_is_noted_with_it_and_counted_once(warehouse: Engine) -> None:
    """The series awaits the step after; advancing counts the first as due until it is decided, and adds nothing."""
    campaign = campaign_of(steps=THREE_STEPS)
    members(warehouse, "ann", "bob")
    assert enroll(warehouse, campaign, NOON).enrolled == 2
    first = {("ann", "reminder", "default"), ("bob", "reminder", "default")}
    assert (noted(warehouse), awaited(warehouse)) == (first, {("ann", "doubts", 23), ("bob", "doubts", 23)})
    for _ in range(2):
        assert advance(warehouse, campaign, NOON).steps_due == 2
    assert (noted(warehouse), awaited(warehouse)) == (first, {("ann", "doubts", 23), ("bob", "doubts", 23)})
    decide(warehouse, campaign, topic_of(), NOON, NOON)
    assert advance(warehouse, campaign, NOON).steps_due == 0


def test_a_series_that_begins_later_awaits_its_first_step(warehouse: Engine) -> None:
    """Nothing is noted at enrollment if the first step comes hours after it."""
    steps = [{"step": "reminder", "after_hours": 4, "template": "cart_abandoned/reminder"}]
    members(warehouse, "ann")
    plan(warehouse, campaign_of(steps=steps), topic_of())
    assert (noted(warehouse), awaited(warehouse)) == (set(), {("ann", "reminder", 4)})
    plan(warehouse, campaign_of(steps=steps), topic_of(), NOON + 4 * HOUR)
    assert (noted(warehouse), awaited(warehouse)) == ({("ann", "reminder", "default")}, set())


def test_an_exit_between_enrolling_and_advancing_is_not_mailed(warehouse: Engine) -> None:
    """The step noted with the series is decided converted with all the others, each once."""
    campaign = campaign_of(steps=THREE_STEPS)
    members(warehouse, "ann", "bob")
    publish(warehouse, campaign, topic_of())
    enroll(warehouse, campaign, NOON)
    with warehouse.begin() as connection:
        order(connection, "o1", "ann", NOON - timedelta(minutes=10))
    assert advance(warehouse, campaign, NOON).exited == 1
    decide(warehouse, campaign, topic_of(), NOON, NOON)
    assert decided(warehouse) == {
        ("ann", "reminder", "skip", "converted"), ("ann", "doubts", "skip", "converted"),
        ("ann", "incentive", "skip", "converted"), ("bob", "reminder", "send", "eligible"),
    }  # fmt: skip
    assert awaited(warehouse) == {("bob", "doubts", 23)}


def test_an_arm_is_the_same_whether_noted_at_enrollment_or_later(warehouse: Engine) -> None:
    """The first step is noted by enrolling, the second by advancing: the same name and shares give the same arms."""
    shares = {"variants": {"short": 0.5, "long": 0.5}, "template": "cart_abandoned/reminder"}
    names = [f"c{number}" for number in range(40)]
    members(warehouse, *names)
    plan(warehouse, campaign_of(steps=[{"step": "one", "after_hours": 0, **shares}]), topic_of())
    at_enrollment = noted(warehouse)
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "truncate journey.enrollment, journey.upcoming, journey.step_due, decision.decision, decision.progress,"
            " message.message, message.progress cascade"
        )
    later = campaign_of(steps=[{"step": "one", "after_hours": 1, **shares}])
    for as_of in (NOON, NOON + HOUR):
        plan(warehouse, later, topic_of(), as_of)
    assert noted(warehouse) == at_enrollment
    assert {arm for _, _, arm in at_enrollment} == {"short", "long"}


def test_planning_and_the_claim_end_a_series_for_the_same_reason(warehouse: Engine) -> None:
    """What a claim finds at noon and an hour is what the run of that hour ends the series with, for every word."""
    campaign = campaign_of(exit_on=[word for word in words_of(EXITS) if word != "reordered"])
    members(warehouse, "buyer", "viewer", "emptier", "leaver", "reviewer", "user", "erased", "silent")
    plan(warehouse, campaign, topic_of())
    at = NOON + HOUR
    with warehouse.begin() as connection:
        order(connection, "o1", "buyer", at)
        insert(connection, "source.page_view", view_id="v", customer_id="viewer", viewed_at=at,
               load_id=load(connection))  # fmt: skip
        insert(connection, "source.cart", cart_id="cart-emptier", customer_id="emptier", created_at=NOON,
               updated_at=at, status="emptied", load_id=load(connection))  # fmt: skip
        insert(connection, "source.review", review_id="r", customer_id="reviewer", product_id="p", rating=5,
               reviewed_at=at, load_id=load(connection))  # fmt: skip
        insert(connection, "source.offer", offer_code="x", customer_id="user", valid_from=NOON,
               valid_until=NOON + 9 * HOUR, redeemed_at=at, load_id=load(connection))  # fmt: skip
        for change, name in (("permission = 'withdrawn', permission_at", "leaver"), ("erased_at", "erased")):
            connection.execute(
                sa.text(f"update source.customer set {change} = :at where customer_id = :name"),  # noqa: S608
                {"at": at, "name": name},
            )
        claimed = {row.enrollment_id: row.verdict for row in picked(connection, campaign, at)}
    advance(warehouse, campaign, at)
    with warehouse.connect() as connection:
        ended = dict(rows(connection, "select enrollment_id, end_reason from journey.enrollment"))
        names = dict(rows(connection, "select enrollment_id, customer_id from journey.enrollment"))
    assert claimed == ended
    # An order is a sign of life too; of several reasons at one moment the first by name stands.
    assert {names[series]: reason for series, reason in ended.items()} == {
        "buyer": "activity", "viewer": "activity", "emptier": "cart_emptied", "leaver": "unsubscribed",
        "reviewer": "review", "user": "offer_used", "erased": "erased", "silent": None,
    }  # fmt: skip


def picked(connection: Connection, campaign: Campaign, now: datetime) -> Sequence[Row[Any]]:
    """What a claim finds of the one shell's mails at `now`."""
    topic = topic_of()
    return run_with(
        connection, "delivery/pick", pick_files(campaign),
        shell_id=rows(connection, "select shell_id from message.shell")[0][0], batch=100, only_enrollment_id=None,
        now=now, topic=topic.topic, is_marketing=True, permissions=["confirmed"], campaign_topic=campaign.topic,
        takes_over=True,
        **send_hours(campaign, topic),
    ).all()  # fmt: skip
