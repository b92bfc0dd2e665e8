"""What holds for a customer now: `why`, planning and the claim give one answer, since they ask one rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import NOON, customer, enrollment, insert, load, order, rows
from builders import campaign as published
from lifecycle_mail import delivery
from lifecycle_mail.campaigns import Topic
from lifecycle_mail.decisions import decide
from lifecycle_mail.delivery.claims import claim
from lifecycle_mail.delivery.picking import Batch
from lifecycle_mail.delivery.work import ClaimSetup, shells_with_work
from lifecycle_mail.journeys import advance, enroll, publish
from lifecycle_mail.kpis import outlook
from lifecycle_mail.settings import Settings
from lifecycle_mail.words import EXITS, words_of
from planning import CART_CONTEXT, LIBRARY, THREE_STEPS, campaign_of, member, plan, topic_of

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FACT_AT = NOON + 30 * MINUTE
ENDS_AT = NOON + 30 * 24 * HOUR
Line = tuple[str | None, str, str]


def _changed(column: str) -> Callable[[Connection], object]:
    query = sa.text(f"update source.customer set {column} = :at where customer_id = 'ann'")  # noqa: S608
    return lambda connection: connection.execute(query, {"at": FACT_AT})


def _inserted(table: str, **columns: Any) -> Callable[[Connection], object]:
    given = {"customer_id": "ann", **columns}
    return lambda connection: insert(connection, table, load_id=load(connection), **given)


def _reordered(connection: Connection) -> None:
    loaded = load(connection)
    insert(connection, "source.product", product_id="p1", name="Tea", product_type="tea", load_id=loaded)
    order(connection, "o1", "ann", FACT_AT)
    insert(
        connection, "source.order_line", order_id="o1", line_no=1, product_id="p1", quantity=1, unit_price=1,
        load_id=loaded,
    )  # fmt: skip


def _refunded(connection: Connection) -> None:
    loaded = insert(connection, "source.load", started_at=FACT_AT, finished_at=FACT_AT)
    order(connection, "o-ann", "ann", NOON - HOUR, status="refunded", load_id=loaded)


def _bought(connection: Connection) -> None:
    _reordered(connection)
    connection.exec_driver_sql("update source.product set category = 'Tea' where product_id = 'p1'")


def _carted(connection: Connection) -> None:
    loaded = load(connection)
    insert(
        connection, "source.cart", cart_id="another", customer_id="ann", created_at=FACT_AT, updated_at=FACT_AT,
        status="open", load_id=loaded,
    )  # fmt: skip
    insert(
        connection, "source.cart_line", cart_id="another", product_id="p1", quantity=1, unit_price=1, load_id=loaded
    )


def _answered(connection: Connection) -> None:
    ((series,),) = rows(connection, "select enrollment_id from journey.enrollment")
    batch = insert(connection, "event.batch", source_name="answers")
    insert(
        connection, "event.survey_answer", enrollment_id=series, step="reminder", campaign="cart_abandoned",
        customer_id="ann", survey="needs", answer="home", answered_at=FACT_AT, is_current=True, batch_id=batch,
    )  # fmt: skip


def _renewed(connection: Connection) -> None:
    loaded = insert(connection, "source.load", started_at=FACT_AT, finished_at=FACT_AT)
    insert(
        connection, "source.contract", contract_id="k", customer_id="ann", product_id="p1", starts_at=NOON,
        ends_at=ENDS_AT + 99 * HOUR, load_id=loaded,
    )  # fmt: skip


# Exit word → what happens to ann, what the fact says, and what her series ends as. The goal is an order.
FACTS: dict[str, tuple[Callable[[Connection], object], str, str]] = {
    "activity": (_inserted("source.page_view", view_id="v", viewed_at=FACT_AT), "activity", "activity"),
    "answered": (_answered, "answered", "answered"),
    "cancelled": (
        _inserted(
            "source.registration", occasion_id="fair", registered_at=NOON - HOUR, status="cancelled", status_at=FACT_AT
        ),
        "cancelled", "cancelled",
    ),
    "carted": (_carted, "carted", "carted"),
    "cart_emptied": (
        _inserted("source.cart", cart_id="cart-ann", created_at=NOON, updated_at=FACT_AT, status="emptied"),
        "cart_emptied", "cart_emptied",
    ),
    "cart_moved": (
        _inserted(
            "source.cart", cart_id="cart-ann", customer_id="bob", created_at=NOON, updated_at=FACT_AT, status="open"
        ),
        "cart_moved", "cart_moved",
    ),
    "confirmed": (
        _inserted("source.permission_change", permission="confirmed", permission_at=FACT_AT, origin="confirmation"),
        "confirmed", "confirmed",
    ),
    "contacted": (
        _inserted("source.lead_action", action_id="a", kind="Contact", acted_at=FACT_AT), "contacted", "contacted",
    ),
    "erased": (_changed("erased_at"), "erased", "erased"),
    "offer_used": (
        _inserted(
            "source.offer", offer_code="x", valid_from=NOON, valid_until=NOON + 9 * HOUR, redeemed_at=FACT_AT
        ),
        "offer_used", "offer_used",
    ),
    "order": (lambda connection: order(connection, "o1", "ann", FACT_AT), "order", "converted"),
    "product_bought": (_bought, "product_bought", "product_bought"),
    "referred": (
        _inserted("source.referral", referral_id="f", referred_at=NOON, ordered_at=FACT_AT), "referred", "referred",
    ),
    "refunded": (_refunded, "refunded", "refunded"),
    "renewed": (_renewed, "renewed", "renewed"),
    "reordered": (_reordered, "reordered", "converted"),
    "purchase_moved": (
        lambda connection: order(connection, "o-ann", "bob", FACT_AT), "purchase_moved", "purchase_moved",
    ),
    "review": (
        _inserted("source.review", review_id="r", product_id="p", rating=5, reviewed_at=FACT_AT),
        "review", "review",
    ),
    "topic_bought": (_bought, "topic_bought", "topic_bought"),
    "unsubscribed": (_changed("permission = 'withdrawn', permission_at"), "unsubscribed", "unsubscribed"),
    "used": (
        _inserted("source.lead_action", action_id="a", kind="feature_use", subject="p1", acted_at=FACT_AT),
        "used", "used",
    ),
}  # fmt: skip


def looked(engine: Engine, now: datetime, topic: Topic | None = None) -> list[Line]:
    """What `why` says of ann at `now`: (step, what, what planning or a claim would say)."""
    topics = {"reminders": topic or topic_of()}
    return [(line.step, line.what, line.says) for line in outlook(engine, simulating(engine), topics, "ann", now)]


def simulating(engine: Engine) -> Settings:
    return Settings(
        database_url=engine.url.render_as_string(hide_password=False), mode="simulate",
        sendgrid_api_key="SG.test", sendgrid_base_url="http://127.0.0.1:9",
    )  # fmt: skip


def claimed(engine: Engine, now: datetime) -> dict[str, int]:
    """How many mails a claim ends, by reason."""
    setup = ClaimSetup(simulating(engine), {"reminders": topic_of()}, LIBRARY, "worker")
    with engine.begin() as connection:
        (work,), _ = shells_with_work(connection, setup, now)
    return dict(claim(engine, setup, Batch(work, now)).ended)


def stored(engine: Engine) -> list[tuple[Any, ...]]:
    """What planning and claims write."""
    with engine.connect() as connection:
        return [
            *rows(connection, "select ended_at, end_reason from journey.enrollment"),
            *rows(connection, "select state, reason, not_before, attempt_id from message.message"),
            *rows(connection, "select count(*) from delivery.attempt"),
            *rows(connection, "select count(*) from decision.decision"),
            *rows(connection, "select count(*) from journey.step_due"),
        ]


def joined(engine: Engine, **columns: Any) -> None:
    """Ann is a member of the cart segment at noon. Her snapshot names a thing for each word that asks for one."""
    with engine.begin() as connection:
        customer(connection, "ann", **columns)
        member(
            connection, "ann", "cart-ann",
            context={
                **CART_CONTEXT, "cart_id": "cart-ann", "product_id": "p1", "order_id": "o-ann", "topic": "tea",
                "occasion_id": "fair", "starts_at": NOON.isoformat(),
                "contract_id": "k", "ends_at": ENDS_AT.isoformat(),
            },
        )  # fmt: skip


@pytest.mark.parametrize("word", sorted(words_of(EXITS)))
def test_why_the_claim_and_planning_agree_on_every_exit_word(warehouse: Engine, word: str) -> None:
    """Why names the fact before planning ends the series, and not before it happened; looking changes nothing."""
    happens, fact, end_reason = FACTS[word]
    campaign = campaign_of(exit_on=[] if words_of(EXITS)[word].always_applies else [word])
    joined(warehouse)
    plan(warehouse, campaign, topic_of())
    goes_on: list[Line] = [
        (None, "series goes on", "no exit word holds"),
        ("reminder", "mail planned for 2026-03-02 12:00", "would go"),
    ]
    assert looked(warehouse, NOON + HOUR) == goes_on
    with warehouse.begin() as connection:
        happens(connection)
    before = stored(warehouse)
    assert looked(warehouse, FACT_AT - MINUTE)[0] == goes_on[0]
    assert looked(warehouse, NOON + HOUR) == [
        (None, f"would end: {fact} (2026-03-02 12:30)", f"{end_reason}, at the next planning"),
        ("reminder", "mail planned for 2026-03-02 12:00", f"would be cancelled: {end_reason}"),
    ]
    assert stored(warehouse) == before
    assert claimed(warehouse, NOON + HOUR) == {end_reason: 1}
    advance(warehouse, campaign, NOON + HOUR)
    with warehouse.connect() as connection:
        assert rows(connection, "select ended_at, end_reason from journey.enrollment") == [(FACT_AT, end_reason)]
    assert looked(warehouse, NOON + HOUR) == []


def test_the_earliest_of_several_facts_names_the_reason(warehouse: Engine) -> None:
    """As in planning: of two facts at one moment the first by name, and an earlier fact before both."""
    campaign = campaign_of(exit_on=["order", "review", "offer_used"])
    joined(warehouse)
    plan(warehouse, campaign, topic_of())
    for word in ("review", "order"):
        with warehouse.begin() as connection:
            FACTS[word][0](connection)
    assert looked(warehouse, NOON + HOUR)[0][1] == "would end: order (2026-03-02 12:30)"
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update source.review set reviewed_at = reviewed_at - interval '1 minute'")
    assert looked(warehouse, NOON + HOUR)[0] == (
        None, "would end: review (2026-03-02 12:29)", "review, at the next planning",
    )  # fmt: skip
    advance(warehouse, campaign, NOON + HOUR)
    with warehouse.connect() as connection:
        assert rows(connection, "select end_reason from journey.enrollment") == [("review",)]


BOUGHT = [{**THREE_STEPS[0], "when": {"bought": True}}]
NIGHT = {"from": "12:00", "to": "18:00"}


@pytest.mark.parametrize(
    ("changes", "of_topic", "columns", "reason"),
    [
        ({}, {}, {}, "eligible"),
        ({}, {}, {"permission": "pending"}, "no_permission"),
        ({"holdout": 1.0}, {}, {}, "held_out"),
        ({"steps": BOUGHT}, {}, {}, "branch_not_taken"),
        ({}, {"quiet_hours": NIGHT}, {}, "quiet_hours"),
    ],
)  # fmt: skip
def test_why_and_deciding_agree_on_a_step_that_waits(
    warehouse: Engine, changes: dict[str, Any], of_topic: dict[str, Any], columns: dict[str, Any], reason: str
) -> None:
    """What why says of a step without a decision is what the decision then names; looking decides nothing."""
    topic, campaign = topic_of(**of_topic), campaign_of(exit_on=["order"], **changes)
    joined(warehouse, **columns)
    publish(warehouse, campaign, topic)
    enroll(warehouse, campaign, NOON)
    before = stored(warehouse)
    assert looked(warehouse, NOON, topic) == [
        (None, "series goes on", "no exit word holds"),
        ("reminder", "due 2026-03-02 12:00", f"would be decided: {reason}"),
    ]
    assert stored(warehouse) == before
    decide(warehouse, campaign, topic, NOON, NOON)
    with warehouse.connect() as connection:
        assert rows(connection, "select step, reason from decision.decision") == [("reminder", reason)]


def test_why_and_deciding_agree_on_steps_that_share_a_day(warehouse: Engine) -> None:
    """Two steps without a decision and one mail per day: the second is capped."""
    steps = [{**step, "after_hours": 0} for step in THREE_STEPS[:2]]
    campaign, topic = campaign_of(exit_on=["order"], steps=steps), topic_of(cap={"mails": 1})
    joined(warehouse)
    publish(warehouse, campaign, topic)
    enroll(warehouse, campaign, NOON)
    said = {step: answer for step, _, answer in looked(warehouse, NOON, topic) if step}
    decide(warehouse, campaign, topic, NOON, NOON)
    with warehouse.connect() as connection:
        decided = rows(connection, "select step, 'would be decided: ' || reason from decision.decision")
    assert said == dict(decided)
    assert sorted(said.values()) == ["would be decided: capped", "would be decided: eligible"]


def test_a_step_that_comes_due_later_is_asked_what_refuses_it(warehouse: Engine) -> None:
    """The next step and its due time; a suppression that ends no series refuses it already."""
    campaign = campaign_of(exit_on=["order"], steps=THREE_STEPS)
    joined(warehouse)
    plan(warehouse, campaign, topic_of())
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update message.message set state = 'accepted', accepted_at = now()")
    due = ("doubts", "due 2026-03-03 11:00")
    goes_on: Line = (None, "series goes on", "no exit word holds")
    assert looked(warehouse, NOON + HOUR) == [goes_on, (*due, "nothing refuses it")]
    with warehouse.begin() as connection:
        insert(
            connection, "event.suppression", address="ann@example.com", scope="all", source="event",
            reason="bounced", suppressed_at=NOON,
        )  # fmt: skip
    assert looked(warehouse, NOON + HOUR) == [goes_on, (*due, "would be refused: suppressed")]
    plan(warehouse, campaign, topic_of(), NOON + 23 * HOUR)
    with warehouse.connect() as connection:
        assert ("doubts", "suppressed") in rows(connection, "select step, reason from decision.decision")


def test_a_mail_that_is_held_back_says_by_what(warehouse: Engine) -> None:
    """A pause, its time, the recipient's hours, and a topic that has ended."""
    joined(warehouse)
    plan(warehouse, campaign_of(), topic_of())
    delivery.pause(warehouse, "campaign:cart_abandoned", "operator", NOON, "new prices")
    (_, mail) = looked(warehouse, NOON + HOUR)
    assert mail[2].startswith("waits: ")
    assert "new prices" in mail[2]
    delivery.resume(warehouse, "campaign:cart_abandoned", NOON)
    assert looked(warehouse, NOON + HOUR)[1][2] == "would go"
    assert looked(warehouse, NOON + 7 * HOUR)[1][2] == "would be cancelled: stale"
    evening = topic_of(quiet_hours={"from": "12:30", "to": "14:00"})
    assert looked(warehouse, NOON + HOUR, evening)[1][2].startswith("would wait")
    assert looked(warehouse, NOON - MINUTE)[1][2] == "waits until then; would go"
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update installation.topic set is_retired = true where topic = 'reminders'")
    assert looked(warehouse, NOON + HOUR)[1][2] == "does not go: its topic has ended"


def test_a_definition_that_cannot_be_read_hides_no_other_series(warehouse: Engine) -> None:
    """One line says what is wrong with it; another series is judged."""
    joined(warehouse)
    plan(warehouse, campaign_of(), topic_of())
    with warehouse.begin() as connection:
        published(connection, "birthday")
        enrollment(connection, "birthday", "ann", ended_at=None, end_reason=None)
    found = outlook(warehouse, simulating(warehouse), {"reminders": topic_of()}, "ann", NOON + HOUR)
    assert [(line.campaign, line.what) for line in found] == [
        ("birthday", "series cannot be judged"),
        ("cart_abandoned", "series goes on"),
        ("cart_abandoned", "mail planned for 2026-03-02 12:00"),
    ]
    only = outlook(warehouse, simulating(warehouse), {"reminders": topic_of()}, "ann", NOON + HOUR, "birthday")
    assert [line.campaign for line in only] == ["birthday"]
