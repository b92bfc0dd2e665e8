"""What mails recommend: chosen when they are claimed, and kept with the mail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, rows
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.command_line.mails import stored_mail
from lifecycle_mail.decisions import decide
from lifecycle_mail.delivery.claims import Attempt, claim
from lifecycle_mail.delivery.picking import Batch
from lifecycle_mail.delivery.work import ClaimSetup, shells_with_work
from lifecycle_mail.journeys import advance, enroll, publish
from lifecycle_mail.messages import erase_slots, write_messages
from lifecycle_mail.messages.states import give_back
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.pipeline import Installation
from lifecycle_mail.settings import INCLUDE, Settings
from planning import BRAND, CART_CONTEXT, TOPICS, campaign_of, member, topic_of

SHOWN = (
    "{% slot recommended %}{% for item in recommended %}{{ item.name }} {{ money(item.price, item.currency) }}; "
    "{% endfor %}{% endslot %}"
)


@pytest.fixture
def library(tmp_path: Path) -> TemplateLibrary:
    """The shipped templates, and one that shows recommended products."""
    shutil.copytree(INCLUDE / "templates", tmp_path / "templates")
    home = tmp_path / "templates" / "trial" / "mail"
    home.mkdir(parents=True)
    text = "<mj-section><mj-column><mj-text>" + SHOWN + "</mj-text></mj-column></mj-section>"
    sample = {"variants": [{"variant": None, "offer": None}], "context": CART_CONTEXT, "recommended": []}
    for file, content in {
        "subject.txt": "A subject\n",
        "preheader.txt": "A preheader\n",
        "body.mjml": '{% extends "base/layout.mjml" %}{% block content %}' + text + "{% endblock %}",
        "body.txt": '{% extends "base/layout.txt" %}{% block content %}' + SHOWN + "{% endblock %}",
        "sample.json": json.dumps(sample),
    }.items():
        (home / file).write_text(content, encoding="utf-8")
    return TemplateLibrary(tmp_path / "templates")


def product(connection: Any, product_id: str, **columns: Any) -> None:
    insert(
        connection, "source.product",
        **{"product_id": product_id, "name": product_id, "price": 2, "currency": "EUR", "load_id": 0, **columns},
    )  # fmt: skip


def campaign(what: str = "complements") -> Campaign:
    step = {"step": "reminder", "after_hours": 0, "template": "trial/mail", "recommend": {"what": what, "items": 2}}
    return campaign_of(steps=[step], exit_on=["unsubscribed"])


def planned(engine: Engine, one: Campaign, library: TemplateLibrary) -> ClaimSetup:
    """Plan one mail per member, and return what claims need."""
    topic = topic_of()
    publish(engine, one, topic)
    enroll(engine, one, NOON)
    advance(engine, one, NOON)
    decide(engine, one, topic, NOON, NOON)
    write_messages(engine, one, topic, library, BRAND, NOON)
    settings = Settings(database_url=None, mode="simulate", templates_dir=library.folder)
    return ClaimSetup(settings, {**TOPICS, "reminders": topic}, library, "test")


def claimed(engine: Engine, setup: ClaimSetup) -> Attempt:
    with engine.begin() as connection:
        (work,), _ = shells_with_work(connection, setup, NOON)
    attempt = claim(engine, setup, Batch(work, NOON)).attempt
    assert attempt is not None
    return attempt


def chosen(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return rows(
            connection,
            "select customer_id, place, product_id, why from message.recommendation"
            " inner join message.message using (enrollment_id, step) order by 1, 2",
        )


def test_a_claim_chooses_for_all_its_mails_and_the_mail_can_be_shown_again(
    warehouse: Engine, library: TemplateLibrary
) -> None:
    """Each mail gets its own products with the rule that chose them; a later price does not change the mail."""
    with warehouse.begin() as connection:
        product(connection, "p1", complements="filter;mug")
        product(connection, "p2")
        product(connection, "filter", price="3.5")
        product(connection, "mug", price=0)
        for name, about in (("ann", "p1"), ("bob", "p2")):
            customer(connection, name)
            member(connection, name, f"cart-{name}", context={**CART_CONTEXT, "items": [
                {**CART_CONTEXT["items"][0], "product_id": about}
            ]})  # fmt: skip
    setup = planned(warehouse, campaign(), library)
    attempt = claimed(warehouse, setup)
    assert chosen(warehouse) == [("ann", 1, "filter", "declared")]
    shown = {mail.email.partition("@")[0]: "".join(mail.substitutions().values()) for mail in attempt.mails}
    assert "filter €3.50; " in shown["ann"]
    assert "filter" not in shown["bob"]
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update source.product set price = 9 where product_id = 'filter'")
    whole = Installation(setup.settings, warehouse, setup.topics, BRAND)
    assert "filter €3.50;" in stored_mail(whole, campaign(), "reminder", "ann", NOON).text


def test_a_mail_that_is_claimed_again_chooses_again(warehouse: Engine, library: TemplateLibrary) -> None:
    """What sold out between two claims is not recommended, and the record says what the second claim chose."""
    with warehouse.begin() as connection:
        product(connection, "p1", complements="filter mug")
        product(connection, "filter")
        product(connection, "mug")
        customer(connection, "ann")
        member(connection, "ann")
    setup = planned(warehouse, campaign(), library)
    attempt = claimed(warehouse, setup)
    assert chosen(warehouse) == [("ann", 1, "filter", "declared"), ("ann", 2, "mug", "declared")]
    with warehouse.begin() as connection:
        give_back(connection, attempt.attempt_id, reason="connection_refused", at=NOON)
        sold_out = sa.text("update source.product set available_until = :at where product_id = 'filter'")
        connection.execute(sold_out, {"at": NOON})
    claimed(warehouse, setup)
    assert chosen(warehouse) == [("ann", 1, "mug", "declared")]


def test_an_erasure_forgets_what_was_recommended(warehouse: Engine, library: TemplateLibrary) -> None:
    """The products say what the person bought."""
    with warehouse.begin() as connection:
        product(connection, "p1", complements="filter")
        product(connection, "filter")
        for name in ("ann", "bob"):
            customer(connection, name)
            member(connection, name, f"cart-{name}")
    claimed(warehouse, planned(warehouse, campaign(), library))
    with warehouse.begin() as connection:
        erase_slots(connection, "ann")
    assert chosen(warehouse) == [("bob", 1, "filter", "declared")]
