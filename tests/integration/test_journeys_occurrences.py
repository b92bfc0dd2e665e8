"""Journeys: what becomes of an occurrence while its customer is in a series already, or has several at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import NOON, customer, insert, load, order, rows
from lifecycle_mail import segments
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.delivery.claims import claim_in
from lifecycle_mail.delivery.picking import Batch
from lifecycle_mail.delivery.work import ClaimSetup, shells_with_work
from lifecycle_mail.journeys import EnrollCounts, enroll, publish
from lifecycle_mail.kpis import outlook, roll_up, timeline
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.settings import Settings
from planning import CART_CONTEXT, THREE_STEPS, TOPICS, campaign_of, decided, member, members, plan, states, topic_of

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ONE_STEP = [{"step": "due_soon", "after_hours": 0, "template": "replenishment/due_soon"}]


def replenishment(**changes: Any) -> Campaign:
    """The shipped replenishment campaign in short: without holdout and hours."""
    plain = {
        "campaign": "replenishment", "segment": {"name": "replenishment_due"}, "newer_occurrence": "join",
        "exit_on": ["reordered", "unsubscribed"], "steps": ONE_STEP, "max_lateness_hours": 24,
    }  # fmt: skip
    return campaign_of(**{**plain, **changes})


def purchase(engine: Engine, customer_id: str, product: str, runs_out: datetime, order_id: str | None = None) -> None:
    """One pack of a product that lasts ten days, bought so that it runs out at `runs_out`."""
    with engine.begin() as connection:
        load_id = load(connection)
        if not rows(connection, "select 1 from source.product where product_id = :product", product=product):
            insert(
                connection, "source.product", product_id=product, name=product.title(), product_type=product,
                is_consumable=True, units_per_pack=10, daily_use=1, load_id=load_id,
            )  # fmt: skip
        order_id = order_id or f"{customer_id}-{product}"
        order(connection, order_id, customer_id, runs_out - 10 * DAY)
        insert(
            connection, "source.order_line", order_id=order_id, line_no=1, product_id=product, quantity=1,
            unit_price=5, load_id=load_id,
        )  # fmt: skip


def refreshed(engine: Engine, campaign: Campaign, as_of: datetime = NOON, now: datetime | None = None) -> None:
    """One planning of the campaign, from the facts."""
    segments.refresh(engine, campaign.segment.name, as_of, campaign.segment.parameters)
    plan(engine, campaign, topic_of(), as_of, now)


def left(connection: Connection, occurrence: str, at: datetime) -> None:
    """The membership ends."""
    change = sa.text("update segment.membership set left_at = :at where occurrence = :occurrence")
    connection.execute(change, {"at": at, "occurrence": occurrence})


def fates(engine: Engine) -> set[tuple[Any, ...]]:
    """(customer, occurrence, fate, reason, end) of every occurrence."""
    query = "select customer_id, occurrence, fate, reason, end_reason from journey.occurrence_fate"
    with engine.connect() as connection:
        found = rows(connection, query)
    assert len({row[:2] for row in found}) == len(found)
    return set(found)


def series(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return rows(connection, "select occurrence, joined, end_reason from journey.enrollment order by enrollment_id")


def claimed(engine: Engine, at: datetime = NOON) -> list[str]:
    """Claim what may go, as a delivery does, and return the text of each mail's product list."""
    settings = Settings(database_url=engine.url.render_as_string(hide_password=False), mode="simulate")
    setup = ClaimSetup(settings, TOPICS | {"reminders": topic_of()}, TemplateLibrary(settings.templates_dir), "test")
    found: list[str] = []
    with engine.begin() as connection:
        for work in shells_with_work(connection, setup, at)[0]:
            attempt = claim_in(connection, setup, Batch(work, at)).attempt
            if attempt:
                token = attempt.shell.slot_tokens.get("text.product") or attempt.shell.slot_tokens["text.items"]
                found += [mail.substitutions()[token] for mail in attempt.mails]
    return found


def named(text: str, *products: str) -> set[str]:
    return {product for product in products if product in text}


def test_what_falls_due_together_is_one_mail(warehouse: Engine) -> None:
    """Coffee is due now and filters within three days: one series and one mail, which names both. Rice, due in four
    days, is not in it, and has its own mail when it is due."""
    with warehouse.begin() as connection:
        customer(connection, "ann")
    for product, days in (("coffee", 3), ("filters", 6), ("rice", 7.1)):
        purchase(warehouse, "ann", product, NOON + days * DAY)
    refreshed(warehouse, replenishment())
    assert fates(warehouse) == {
        ("ann", "ann-coffee/1", "enrolled", None, None), ("ann", "ann-filters/1", "joined", None, None),
    }  # fmt: skip
    assert decided(warehouse) == {("ann", "due_soon", "send", "eligible")}
    (text,) = claimed(warehouse)
    assert named(text, "Coffee", "Filters", "Rice") == {"Coffee", "Filters"}
    accept(warehouse)
    for days in (3, 4.2, 4.3):
        refreshed(warehouse, replenishment(), NOON + days * DAY)
    assert fates(warehouse) == {
        ("ann", "ann-coffee/1", "enrolled", None, "completed"), ("ann", "ann-filters/1", "joined", None, "completed"),
        ("ann", "ann-rice/1", "enrolled", None, None),
    }  # fmt: skip


def accept(engine: Engine) -> None:
    """The provider takes what was claimed."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set state = 'accepted', accepted_at = claimed_at where state = 'claimed'"
        )


def test_an_occurrence_joins_until_the_mail_is_claimed(warehouse: Engine) -> None:
    """Tea is loaded an hour after coffee's mail was planned: the same mail names both. Milk comes when it was claimed:
    it waits for the end of the series, and the days before re-entry, which are of coffee and tea, do not hold it back.
    """
    with warehouse.begin() as connection:
        customer(connection, "ann")
    purchase(warehouse, "ann", "coffee", NOON + 2 * DAY)
    refreshed(warehouse, replenishment())
    purchase(warehouse, "ann", "tea", NOON + 2 * DAY)
    refreshed(warehouse, replenishment(), NOON + HOUR)
    (text,) = claimed(warehouse, NOON + HOUR)
    assert named(text, "Coffee", "Tea") == {"Coffee", "Tea"}
    purchase(warehouse, "ann", "milk", NOON + 2 * DAY)
    refreshed(warehouse, replenishment(), NOON + 2 * HOUR)
    both = {("ann", "ann-coffee/1", "enrolled", None), ("ann", "ann-tea/1", "joined", None)}
    assert {row[:4] for row in fates(warehouse)} == both | {("ann", "ann-milk/1", "waiting", "series_running")}
    accept(warehouse)
    refreshed(warehouse, replenishment(), NOON + 3 * HOUR)
    assert {row[:4] for row in fates(warehouse)} == both | {("ann", "ann-milk/1", "enrolled", None)}
    assert series(warehouse) == [("ann-coffee/1", 1, "completed"), ("ann-milk/1", 0, None)]


def test_a_purchase_that_moved_to_another_customer(warehouse: Engine) -> None:
    """A guest's orders are given to Ann's account. What the guest's mail named, she is not reminded of again; rice,
    which it did not name, is hers."""
    with warehouse.begin() as connection:
        customer(connection, "ann")
        customer(connection, "guest")
    for product, days in (("coffee", 3), ("filters", 6), ("rice", 7.1)):
        purchase(warehouse, "guest", product, NOON + days * DAY)
    refreshed(warehouse, replenishment())
    assert len(claimed(warehouse)) == 1
    accept(warehouse)
    with warehouse.begin() as connection:
        again = sa.text("update source.orders set customer_id = 'ann', load_id = :load")
        connection.execute(again, {"load": load(connection)})
    for days in (1, 4.2):
        for _ in range(2):
            refreshed(warehouse, replenishment(), NOON + days * DAY)
    assert fates(warehouse) == {
        ("guest", "guest-coffee/1", "enrolled", None, "purchase_moved"),
        ("guest", "guest-filters/1", "joined", None, "purchase_moved"),
        ("ann", "guest-coffee/1", "waiting", "reentered_too_soon", None),
        ("ann", "guest-filters/1", "waiting", "reentered_too_soon", None),
        ("ann", "guest-rice/1", "enrolled", None, None),
    }  # fmt: skip
    assert {row[:3] for row in states(warehouse)} == {
        ("guest", "due_soon", "accepted"), ("ann", "due_soon", "planned"),
    }  # fmt: skip


def test_days_before_reentry_count_per_product(warehouse: Engine) -> None:
    """Coffee bought again and due within reenter_after_days of its last series waits, alone and together with others;
    what is due for the first time is enrolled at once."""
    campaign = replenishment(reenter_after_days=20)
    with warehouse.begin() as connection:
        customer(connection, "ann")
    purchase(warehouse, "ann", "coffee", NOON + 2 * DAY)
    purchase(warehouse, "ann", "tea", NOON + 3 * DAY)
    refreshed(warehouse, campaign)
    assert len(claimed(warehouse)) == 1
    accept(warehouse)
    refreshed(warehouse, campaign, NOON + HOUR)
    for product in ("coffee", "tea", "milk"):
        purchase(warehouse, "ann", product, NOON + 14 * DAY, f"again-{product}")
    refreshed(warehouse, campaign, NOON + 12 * DAY)
    assert {row[:4] for row in fates(warehouse) if "again" in row[1]} == {
        ("ann", "again-coffee/1", "waiting", "reentered_too_soon"),
        ("ann", "again-tea/1", "waiting", "reentered_too_soon"), ("ann", "again-milk/1", "enrolled", None),
    }  # fmt: skip


@pytest.mark.parametrize("planned_again", [True, False])
def test_an_exit_ends_its_own_occurrence_and_the_last_one_the_series(warehouse: Engine, planned_again: bool) -> None:
    """Coffee is bought again before the mail is claimed: the mail names tea alone, whether planning came by or the
    claim sees it first. When tea is bought too, the series ends and nothing goes."""
    with warehouse.begin() as connection:
        customer(connection, "ann")
    purchase(warehouse, "ann", "coffee", NOON + 2 * DAY)
    purchase(warehouse, "ann", "tea", NOON + 3 * DAY)
    refreshed(warehouse, replenishment())
    purchase(warehouse, "ann", "coffee", NOON + HOUR + 10 * DAY, "again")
    assert why_says(warehouse, NOON + HOUR) == [
        ("would leave the series: ann-coffee/1", "reordered, at the next planning"),
        ("series goes on", "an exit word holds for a part of it alone"),
    ]
    if planned_again:
        refreshed(warehouse, replenishment(), NOON + HOUR)
        assert fates(warehouse) == {
            ("ann", "ann-coffee/1", "joined", None, "converted"), ("ann", "ann-tea/1", "enrolled", None, None),
        }  # fmt: skip
    (text,) = claimed_and_returned(warehouse, NOON + HOUR)
    assert named(text, "Coffee", "Tea") == {"Tea"}
    purchase(warehouse, "ann", "tea", NOON + 2 * HOUR + 10 * DAY, "tea-again")
    assert claimed(warehouse, NOON + 2 * HOUR) == []
    assert why_says(warehouse, NOON + 2 * HOUR) == [
        ("would end: reordered (2026-03-02 14:00)", "converted, at the next planning")
    ]
    refreshed(warehouse, replenishment(), NOON + 2 * HOUR)
    assert {row[4] for row in fates(warehouse)} == {"converted"}
    assert series(warehouse) == [("ann-tea/1", 1, "converted")]
    assert states(warehouse) == {("ann", "due_soon", "cancelled", "converted")}


def why_says(engine: Engine, now: datetime) -> list[tuple[str, str]]:
    """What `why` says of ann's series."""
    settings = Settings(database_url=engine.url.render_as_string(hide_password=False))
    found = outlook(engine, settings, TOPICS | {"reminders": topic_of()}, "ann", now)
    return [(line.what, line.says) for line in found if line.step is None]


def claimed_and_returned(engine: Engine, at: datetime) -> list[str]:
    """What a claim would send; the provider surely did not take it, and the mails are planned again."""
    found = claimed(engine, at)
    with engine.begin() as connection:
        connection.exec_driver_sql("update message.message set state = 'planned' where state = 'claimed'")
    return found


def test_leaving_ends_all_of_a_shared_series(warehouse: Engine) -> None:
    """Who unsubscribes hears of none of the products."""
    with warehouse.begin() as connection:
        customer(connection, "ann")
    purchase(warehouse, "ann", "coffee", NOON + 2 * DAY)
    purchase(warehouse, "ann", "tea", NOON + 3 * DAY)
    refreshed(warehouse, replenishment())
    with warehouse.begin() as connection:
        insert(
            connection, "event.suppression", address="ann@example.com", scope="all", source="event",
            reason="unsubscribed", suppressed_at=NOON + HOUR,
        )  # fmt: skip
    assert claimed(warehouse, NOON + HOUR) == []
    assert states(warehouse) == {("ann", "due_soon", "cancelled", "unsubscribed")}
    refreshed(warehouse, replenishment(), NOON + HOUR)
    assert {row[4] for row in fates(warehouse)} == {"unsubscribed"}


def test_a_held_out_step_that_was_decided_counts_as_sent(warehouse: Engine) -> None:
    """Ann gets mail and bob is held out: neither is superseded after the first step, and no occurrence joins either."""
    campaign = campaign_of(steps=THREE_STEPS, holdout=1.0)
    members(warehouse, "bob")
    plan(warehouse, campaign, topic_of())
    with warehouse.begin() as connection:
        member(connection, "bob", "cart-new", NOON + HOUR)
    plan(warehouse, campaign, topic_of(), NOON + HOUR)
    assert fates(warehouse) == {
        ("bob", "cart-bob", "enrolled", None, None), ("bob", "cart-new", "waiting", "series_running", None),
    }  # fmt: skip
    together = replenishment(holdout=1.0)
    with warehouse.begin() as connection:
        customer(connection, "eve")
    purchase(warehouse, "eve", "coffee", NOON + 2 * DAY)
    refreshed(warehouse, together)
    purchase(warehouse, "eve", "tea", NOON + 2 * DAY)
    enroll_again(warehouse, together, NOON + timedelta(minutes=1))
    assert {row[1:4] for row in fates(warehouse) if row[0] == "eve"} == {
        ("eve-coffee/1", "enrolled", None), ("eve-tea/1", "enrolled", None),
    }  # fmt: skip


def enroll_again(engine: Engine, campaign: Campaign, as_of: datetime) -> EnrollCounts:
    segments.refresh(engine, campaign.segment.name, as_of, campaign.segment.parameters)
    return enroll(engine, campaign, as_of)


def test_a_running_series_takes_over_the_newer_context_of_its_cart(warehouse: Engine) -> None:
    """The cart changes after the first mail: the second one shows what is in it now. Another cart of hers waits."""
    campaign = campaign_of(steps=THREE_STEPS)
    members(warehouse, "ann")
    plan(warehouse, campaign, topic_of())
    claimed(warehouse)
    accept(warehouse)
    changed = {**CART_CONTEXT, "cart_id": "cart-ann", "items": [{**CART_CONTEXT["items"][0], "name": "Olive Oil"}]}
    with warehouse.begin() as connection:
        left(connection, "cart-ann", NOON + HOUR)
        member(connection, "ann", "cart-ann@2", NOON + 2 * HOUR, context=changed)
        member(connection, "ann", "other", NOON + 2 * HOUR, occurred_at=NOON)
    for hours in (2, 23):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    assert {row[1:4] for row in fates(warehouse)} == {
        ("cart-ann", "enrolled", None), ("cart-ann@2", "taken_over", None), ("other", "waiting", "series_running"),
    }  # fmt: skip
    (text,) = claimed(warehouse, NOON + 23 * HOUR)
    assert named(text, "Olive Oil", "Soft Drinks") == {"Olive Oil"}


def test_a_mail_waits_while_its_cart_has_just_changed(warehouse: Engine) -> None:
    """Goods are taken out of the cart ten minutes before the second mail. It waits until the cart is idle and the
    series has taken over what is in it. A cart without goods, which is never taken over, is mailed about no more."""
    campaign = campaign_of(steps=THREE_STEPS, max_lateness_hours=6)
    for name in ("ann", "bob"):
        filled(warehouse, name, NOON - 2 * HOUR, "olives", "soap")
    refreshed(warehouse, campaign)
    assert len(claimed(warehouse)) == 2
    accept(warehouse)
    later = NOON + 23 * HOUR
    filled(warehouse, "ann", later - HOUR / 6, "soap")
    filled(warehouse, "bob", later - HOUR / 6)
    refreshed(warehouse, campaign, later)
    assert claimed(warehouse, later) == []
    waits = {(name, "doubts", "planned", "cart_changed") for name in ("ann", "bob")}
    assert {row for row in states(warehouse) if row[1] == "doubts"} == waits
    refreshed(warehouse, campaign, later + HOUR)
    (text,) = claimed(warehouse, later + HOUR)
    assert named(text, "Olives", "Soap") == {"Soap"}
    assert claimed(warehouse, later + 6 * HOUR + HOUR / 60) == []
    assert ("bob", "doubts", "cancelled", "cart_changed") in states(warehouse)


def filled(engine: Engine, who: str, at: datetime, *products: str) -> None:
    """The customer's cart holds these products since `at`."""
    with engine.begin() as connection:
        if not rows(connection, "select 1 from source.cart where customer_id = :who", who=who):
            customer(connection, who)
            insert(
                connection, "source.cart", cart_id=f"cart-{who}", customer_id=who, created_at=at, status="open",
                updated_at=at, load_id=load(connection),
            )  # fmt: skip
        parts = {"cart": f"cart-{who}", "at": at}
        connection.execute(sa.text("update source.cart set updated_at = :at where cart_id = :cart"), parts)
        connection.execute(sa.text("delete from source.cart_line where cart_id = :cart"), parts)
        for product in products:
            values = {"product_id": product, "name": product.title(), "load_id": load(connection)}
            if not rows(connection, "select 1 from source.product where product_id = :product", product=product):
                insert(connection, "source.product", **values)
            insert(
                connection, "source.cart_line", cart_id=f"cart-{who}", product_id=product, quantity=1, unit_price=2,
                load_id=values["load_id"],
            )  # fmt: skip


def test_wait_changes_nothing_of_a_running_series(warehouse: Engine) -> None:
    """With newer_occurrence: wait, a newer cart neither ends the series nor joins it, though nothing was sent."""
    campaign = campaign_of(steps=THREE_STEPS, newer_occurrence="wait")
    members(warehouse, "ann")
    plan(warehouse, campaign, topic_of())
    with warehouse.begin() as connection:
        member(connection, "ann", "cart-new", NOON + HOUR)
    plan(warehouse, campaign, topic_of(), NOON + HOUR)
    assert fates(warehouse) == {
        ("ann", "cart-ann", "enrolled", None, None), ("ann", "cart-new", "waiting", "series_running", None),
    }  # fmt: skip


def test_a_joined_newer_state_of_the_same_thing_replaces_the_older(warehouse: Engine) -> None:
    """Two carts share a series, and one of them changes: the mail names each cart once, as it is now."""
    campaign = campaign_of(newer_occurrence="join")
    with warehouse.begin() as connection:
        customer(connection, "ann")
        for occurrence, cart_id in (("k1@1", "k1"), ("k2@1", "k2")):
            member(connection, "ann", occurrence, context={**CART_CONTEXT, "cart_id": cart_id})
    plan(warehouse, campaign, topic_of())
    with warehouse.begin() as connection:
        member(connection, "ann", "k1@2", NOON + HOUR, context={**CART_CONTEXT, "cart_id": "k1", "total": "9.00"})
    plan(warehouse, campaign, topic_of(), NOON + HOUR)
    assert {(row[1], row[2]) for row in fates(warehouse)} == {
        ("k1@1", "superseded"), ("k2@1", "enrolled"), ("k1@2", "joined"),
    }  # fmt: skip
    with warehouse.connect() as connection:
        ((context,),) = rows(connection, "select context from journey.enrollment")
    assert [(one["cart_id"], one["total"]) for one in context["occurrences"]] == [("k2", "3.50"), ("k1", "9.00")]


def reasons(engine: Engine) -> set[tuple[Any, ...]]:
    """What the next roll-up counts."""
    roll_up(engine, reporting_zone="UTC", now=NOON + 2 * DAY)
    with engine.connect() as connection:
        return set(rows(connection, "select day, campaign, reason, occurrences, customers from kpi.not_enrolled_daily"))


def told(engine: Engine, customer_id: str) -> set[tuple[Any, ...]]:
    with engine.connect() as connection:
        return {(one.happened_at, one.what, one.why) for one in timeline(connection, customer_id)}


def test_why_and_a_kpi_name_the_reason_of_those_not_enrolled(warehouse: Engine) -> None:
    """A running series and the days before re-entry are named, since when they hold. A run that finds the same reason
    writes nothing; an occurrence that is enrolled after all, or left the segment, is told as such."""
    campaign = campaign_of(reenter_after_days=3)
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign, topic_of())
    claimed(warehouse)
    with warehouse.begin() as connection:
        for name in ("ann", "bob"):
            member(connection, name, f"new-{name}", NOON + HOUR)
    plan(warehouse, campaign, topic_of(), NOON + HOUR)
    assert reasons(warehouse) == {(NOON.date(), "cart_abandoned", "series_running", 2, 2)}
    assert (NOON + HOUR, "not enrolled", "occurrence new-ann: series_running") in told(warehouse, "ann")
    assert enroll(warehouse, campaign, NOON + 2 * HOUR).waiting == 0
    accept(warehouse)
    assert enroll(warehouse, campaign, NOON + DAY).waiting == 2
    assert enroll(warehouse, campaign, NOON + DAY + HOUR).waiting == 0
    assert reasons(warehouse) == {((NOON + DAY).date(), "cart_abandoned", "reentered_too_soon", 2, 2)}
    with warehouse.begin() as connection:
        left(connection, "new-bob", NOON + 2 * DAY)
    assert enroll(warehouse, campaign, NOON + 3 * DAY).enrolled == 1
    assert reasons(warehouse) == {((NOON + DAY).date(), "cart_abandoned", "reentered_too_soon", 1, 1)}
    assert {row for row in fates(warehouse) if "new" in row[1]} == {
        ("ann", "new-ann", "enrolled", None, None), ("bob", "new-bob", "missed", "reentered_too_soon", None),
    }  # fmt: skip
    assert (NOON + DAY, "not enrolled", "occurrence new-bob: reentered_too_soon, and it left the segment") in told(
        warehouse, "bob"
    )
    assert not [one for one in told(warehouse, "ann") if one[1] == "not enrolled"]


def test_an_older_occurrence_of_the_same_run_has_its_reason_too(warehouse: Engine) -> None:
    """Two carts at once: the newest begins the series, the older one waits for it by name."""
    with warehouse.begin() as connection:
        customer(connection, "ann")
        member(connection, "ann", "older", occurred_at=NOON - 3 * HOUR)
        member(connection, "ann", "newer", occurred_at=NOON - 2 * HOUR)
    publish(warehouse, campaign_of(), topic_of())
    counts = enroll(warehouse, campaign_of(), NOON)
    assert (counts.enrolled, counts.waiting) == (1, 1)
    assert fates(warehouse) == {
        ("ann", "newer", "enrolled", None, None), ("ann", "older", "waiting", "series_running", None),
    }  # fmt: skip


def test_an_occurrence_that_joins_during_a_claim_waits(warehouse: Engine) -> None:
    """A claim holds the mail: tea does not join what may be on its way without it."""
    with warehouse.begin() as connection:
        customer(connection, "ann")
    purchase(warehouse, "ann", "coffee", NOON + 2 * DAY)
    refreshed(warehouse, replenishment())
    purchase(warehouse, "ann", "tea", NOON + 2 * DAY)
    settings = Settings(database_url=warehouse.url.render_as_string(hide_password=False), mode="simulate")
    setup = ClaimSetup(settings, TOPICS | {"reminders": topic_of()}, TemplateLibrary(settings.templates_dir), "test")
    with warehouse.begin() as connection:
        (work,), _ = shells_with_work(connection, setup, NOON)
        assert claim_in(connection, setup, Batch(work, NOON)).attempt
        assert enroll_again(warehouse, replenishment(), NOON + HOUR).joined == 0
    assert {row[1:4] for row in fates(warehouse)} == {
        ("ann-coffee/1", "enrolled", None), ("ann-tea/1", "waiting", "series_running"),
    }  # fmt: skip


def test_planning_the_same_moment_again_changes_no_fate(warehouse: Engine) -> None:
    """Joining, waiting and taking over are done once for an as_of."""
    names: Sequence[str] = ("ann", "bob")
    with warehouse.begin() as connection:
        for name in names:
            customer(connection, name)
    for name in names:
        for product, days in (("coffee", 2), ("tea", 3), ("milk", 5)):
            purchase(warehouse, name, product, NOON + days * DAY)
    found = []
    for _ in range(3):
        refreshed(warehouse, replenishment())
        found.append((fates(warehouse), series(warehouse), states(warehouse)))
    assert found[0] == found[1] == found[2]
    assert len(found[0][0]) == 6
