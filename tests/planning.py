"""Campaigns for tests, and the planning of one run of them: what stands before the stage under test."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection, Engine

from builders import NOON, customer, insert, rows
from lifecycle_mail.campaigns import Brand, Campaign, Topic, read_brand, read_topics
from lifecycle_mail.decisions import decide
from lifecycle_mail.delivery import approve
from lifecycle_mail.journeys import advance, enroll, publish
from lifecycle_mail.messages import Definition, keep_as_read, read_definition, write_messages
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.settings import INCLUDE

TOPICS: dict[str, Topic] = read_topics(INCLUDE / "topics.yaml")
BRAND: Brand = read_brand(INCLUDE / "brand.yaml", postal_address="1 Example Street")
LIBRARY = TemplateLibrary(INCLUDE / "templates")

CART_CONTEXT: dict[str, Any] = {
    "cart_id": "cart-1",
    "cart_url": "https://shop.example.com/cart/1",
    "currency": "EUR",
    "item_count": 1,
    "total": "3.50",
    "totals": [{"currency": "EUR", "total": "3.50"}],
    "items": [
        {
            "product_id": "p1",
            "name": "Soft Drinks",
            "quantity": "1",
            "unit_price": "3.50",
            "total": "3.50",
            "currency": "EUR",
            "url": "https://shop.example.com/p/1",
            "image_url": None,
        }
    ],
}


def campaign_of(**changes: Any) -> Campaign:
    """A cart campaign of one step, without holdout or window; `changes` replace top-level keys."""
    plain = {
        "campaign": "cart_abandoned",
        "owner": "lifecycle@example.com",
        "description": "for tests",
        "schedule": "0 * * * *",
        "segment": {"name": "cart_abandoned"},
        "goal": {"event": "order", "within_days": 5},
        "exit_on": ["order", "cart_emptied", "unsubscribed"],
        "holdout": 0.0,
        "topic": "reminders",
        "priority": 50,
        "reenter_after_days": 7,
        "max_lateness_hours": 6,
        "steps": [{"step": "reminder", "after_hours": 0, "template": "cart_abandoned/reminder"}],
    }
    return Campaign.model_validate({**plain, **changes})


THREE_STEPS = [
    {"step": "reminder", "after_hours": 0, "template": "cart_abandoned/reminder"},
    {"step": "doubts", "after_hours": 23, "template": "cart_abandoned/doubts"},
    {"step": "incentive", "after_hours": 47, "template": "cart_abandoned/incentive",
     "offer": {"percent": 10, "valid_hours": 24}},
]  # fmt: skip


def topic_of(**changes: Any) -> Topic:
    """A marketing topic without cap or quiet hours."""
    plain = {"topic": "reminders", "description": "x", "sender": {"name": "Shop", "email": "hello@example.com"}}
    return Topic.model_validate({**plain, **changes})


def member(
    connection: Connection, customer_id: str, occurrence: str = "cart-1", at: datetime | None = None, **columns: Any
) -> None:
    """A member of the cart segment since its cart's last change, an hour before `at` (default noon)."""
    entered = at or NOON
    defaults = {
        "segment": "cart_abandoned",
        "occurred_at": entered - timedelta(hours=1),
        "context": {**CART_CONTEXT, "cart_id": occurrence},
        "entered_at": entered,
    }
    insert(
        connection, "segment.membership",
        customer_id=customer_id, occurrence=occurrence, **{**defaults, **columns},
    )  # fmt: skip


def members(engine: Engine, *customer_ids: str, **columns: Any) -> None:
    """Customers who are members of the cart segment at noon; `columns` go to source.customer."""
    with engine.begin() as connection:
        for customer_id in customer_ids:
            customer(connection, customer_id, **columns)
            member(connection, customer_id, f"cart-{customer_id}")


def plan(
    engine: Engine, campaign: Campaign, topic: Topic, as_of: datetime = NOON, now: datetime | None = None
) -> None:
    """Enroll, advance, decide and write mails from the membership there is."""
    publish(engine, campaign, topic)
    enroll(engine, campaign, as_of)
    advance(engine, campaign, as_of)
    decide(engine, campaign, topic, as_of, now or as_of)
    write_messages(engine, campaign, topic, LIBRARY, BRAND, now or as_of)


def definition_of(campaign: Campaign, topic: Topic) -> Definition:
    """What mails that `plan` writes carry."""
    return read_definition(campaign, topic, LIBRARY, BRAND)


def approved(engine: Engine, campaign: Campaign, topic: Topic, at: datetime = NOON) -> str:
    """Read the campaign from its files and approve it for live sending; returns its definition's checksum."""
    definition = definition_of(campaign, topic)
    with engine.begin() as connection:
        keep_as_read(connection, definition)
    approve(engine, campaign.campaign, definition.md5, "lead", at)
    return definition.md5


def decided(engine: Engine) -> set[tuple[Any, ...]]:
    """(customer, step, outcome, reason) of every decision."""
    with engine.connect() as connection:
        return set(rows(connection, "select customer_id, step, outcome, reason from decision.decision"))


def states(engine: Engine) -> set[tuple[Any, ...]]:
    """(customer, step, state, reason) of every mail."""
    with engine.connect() as connection:
        return set(rows(connection, "select customer_id, step, state, reason from message.message"))
