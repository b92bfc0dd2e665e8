"""What mails recommend: chosen when they are claimed, kept with the mail, and learned from what is bought together."""

from __future__ import annotations

import json
import random
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, load, rows
from lifecycle_mail import database, segments
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


def orders_of(engine: Engine, baskets: dict[str, list[str]], load_id: int, at: datetime = NOON, **columns: Any) -> None:
    """Orders of one customer each, by order, with one line per product; `columns` go to source.orders."""
    with engine.begin() as connection:
        for order_id, products in baskets.items():
            given = {"customer_id": f"of-{order_id}", "ordered_at": at, "total": 1, "load_id": load_id, **columns}
            insert(connection, "source.orders", order_id=order_id, **given)
            for number, product_id in enumerate(products):
                insert(
                    connection, "source.order_line", order_id=order_id, line_no=number, product_id=product_id,
                    quantity=1, unit_price=1, load_id=load_id,
                )  # fmt: skip


def pairs(engine: Engine) -> set[tuple[Any, ...]]:
    with engine.connect() as connection:
        return {
            (*row[:3], *map(float, row[3:]))
            for row in rows(
                connection,
                "select product_id, other_product_id, orders, support, confidence, lift from segment.product_pair",
            )
        }


def test_pairs_have_support_confidence_and_lift(warehouse: Engine) -> None:
    """Counted by hand: 10 orders, 5 of beans and filter together, beans in 6, filter in 8.

    Orders that are ahead, old, cancelled or giant do not count.
    """
    with warehouse.begin() as connection:
        loaded = load(connection)
    together = {f"b{number}": ["beans", "filter"] for number in range(5)}
    others = {"o0": ["beans"], **{f"f{number}": ["filter"] for number in range(3)}, "x": ["mug"]}
    orders_of(warehouse, {**together, **others}, loaded)
    orders_of(warehouse, {"ahead": ["beans", "filter"]}, loaded, NOON + timedelta(seconds=1))
    orders_of(warehouse, {"old": ["beans", "filter"]}, loaded, NOON - timedelta(days=180))
    orders_of(warehouse, {"cancelled": ["beans", "filter"]}, loaded, status="cancelled")
    orders_of(warehouse, {"giant": ["beans", "filter", *(f"p{number}" for number in range(39))]}, loaded)
    segments.refresh_bought_together(warehouse, NOON)
    assert pairs(warehouse) == {
        ("beans", "filter", 5, 0.5, 0.833333, 1.041667),
        ("filter", "beans", 5, 0.5, 0.625, 1.041667),
    }
    assert segments.refresh_bought_together(warehouse, NOON).orders == 0
    assert len(pairs(warehouse)) == 2


STEPS = 6
_CHANGES = (
    "update source.orders set status = 'cancelled', load_id = :load where order_id = :one",
    "update source.orders set status = 'placed', load_id = :load where order_id = :one",
    "update source.order_line set product_id = 'p1', load_id = :load where order_id = :one and line_no = 0",
    "update source.order_line set quantity = 0, load_id = :load where order_id = :one and line_no = 1",
    "update source.orders set ordered_at = ordered_at - interval '200 days', load_id = :load where order_id = :one",
    "insert into source.order_line (order_id, line_no, product_id, quantity, unit_price, load_id)"
    " values (:one, 90, 'p2', 1, 1, :load) on conflict do nothing",
)
TABLES = {
    "segment.basket": "order_id, ordered_at, product_ids",
    "segment.product_orders": "product_id, orders",
    "segment.pair_orders": "product_id, other_product_id, orders",
    "segment.product_pair": "product_id, other_product_id, orders, support, confidence, lift, place",
    "segment.bestseller": "kind, name, currency, place, product_id, orders",
}


def kept(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table: sorted(map(tuple, rows(connection, f"select {what} from {table}")))  # noqa: S608
            for table, what in TABLES.items()
        }


def differs_from_a_whole_count(engine: Engine, chance: random.Random) -> bool:
    """Walk a random shop through time, and tell whether the tables ever differ from those of a count of everything.

    Between refreshes orders come (past, ahead and on the edge of the look-back), change, move and are cancelled.
    """
    names = [f"p{number}" for number in range(7)]
    with engine.begin() as connection:
        for one in names:
            product(connection, one, category="c", product_type=None)
    placed: list[str] = []
    for step in range(STEPS):
        as_of = NOON + timedelta(days=step)
        with engine.begin() as connection:
            load_id = load(connection)
        for number in range(12):
            days = chance.choice([0, 0, 1, -1, 178, 179, 180])
            placed.append(f"{step}-{number}")
            basket = chance.sample(names, chance.randint(1, 5))
            orders_of(engine, {placed[-1]: basket}, load_id, as_of - timedelta(days=days))
        with engine.begin() as connection:
            for change in chance.sample(_CHANGES, 3):
                connection.execute(sa.text(change), {"load": load_id, "one": chance.choice(placed)})
        segments.refresh_bought_together(engine, as_of, LOW)
        counted = kept(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("delete from segment.recommendation_refresh")
        segments.refresh_bought_together(engine, as_of, LOW)
        if kept(engine) != counted:
            return True
    return False


LOW = segments.Thresholds(least_orders=2, least_confidence=0.1, most_products=4)


def test_counting_changes_equals_counting_everything(warehouse: Engine) -> None:
    """Whatever became of orders between two refreshes, all tables are those of a count of everything."""
    assert not differs_from_a_whole_count(warehouse, random.Random(3))


SEEN = "create_touched_order"
FAULTS = {
    "a changed line is not seen": (SEEN, "order_line.load_id > ", "0 > "),
    "a changed order is not seen": (SEEN, "where orders.load_id > ", "where 0 > "),
    "what became past is not seen": (SEEN, "orders.ordered_at > cast(:since", "orders.ordered_at < cast(:since"),
    "what left the look-back stays": (SEEN, "basket.ordered_at <= ", "false and basket.ordered_at <= "),
    "what counted is not taken back": ("create_basket_change", "-1 as orders", "0 as orders"),
    "a basket that ended is kept": ("drop_baskets", "basket_now.order_id is null", "false"),
    "a changed basket is kept as it was": ("write_baskets", "do update", "do nothing"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(
    warehouse: Engine, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison with a whole count finds each of these faults."""
    name, right, wrong = FAULTS[fault]
    shutil.copytree(database.SQL_FOLDER, tmp_path / "sql")
    file = tmp_path / "sql" / "segments" / f"{name}.sql"
    text = file.read_text(encoding="utf-8")
    assert right in text
    ends = wrong == "do nothing"  # what is to be updated goes with it
    file.write_text(text.partition(right)[0] + wrong if ends else text.replace(right, wrong), encoding="utf-8")
    monkeypatch.setattr(database, "SQL_FOLDER", tmp_path / "sql")
    database.statement.cache_clear()
    try:
        assert differs_from_a_whole_count(warehouse, random.Random(3))
    finally:
        database.statement.cache_clear()


def test_a_kill_during_a_refresh_changes_nothing(warehouse: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refresh after it counts what the killed one would have counted."""
    orders_of(warehouse, {f"b{number}": ["beans", "filter"] for number in range(6)}, 1)
    orders_of(warehouse, {"x": ["mug"]}, 1)
    with monkeypatch.context() as killed:
        killed.setattr("lifecycle_mail.segments.bought_together.run_with", _killed)
        with pytest.raises(KeyboardInterrupt):
            segments.refresh_bought_together(warehouse, NOON)
    assert not any(kept(warehouse).values())
    segments.refresh_bought_together(warehouse, NOON)
    assert {one[:3] for one in pairs(warehouse)} == {("beans", "filter", 6), ("filter", "beans", 6)}


def _killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("bought", "chosen", "because", "rates"),
    [
        ("filter", "bought_together", "better", (1.0, 0.0)),
        ("mug", "bestseller", "not_better", (0.0, 1.0)),
        ("other", "bestseller", "not_better", (0.0, 0.0)),
    ],
)
def test_pairs_must_foretell_more_than_bestsellers(
    warehouse: Engine, bought: str, chosen: str, because: str, rates: tuple[float, float]
) -> None:
    """Forty buyers of beans: learned before the cut-off, filter goes with beans, and mug is the category's bestseller.
    What they bought in the held-back days decides; equal rates are not better."""
    before, after = NOON - timedelta(days=40), NOON - timedelta(days=10)
    with warehouse.begin() as connection:
        for name in ("beans", "filter", "mug", "other"):
            product(connection, name, category="kitchen")
    orders_of(warehouse, {f"t{number}": ["beans", "filter"] for number in range(6)}, 1, before)
    orders_of(warehouse, {f"m{number}": ["mug"] for number in range(90)}, 1, before)
    for number in range(40):
        orders_of(warehouse, {f"a{number}": ["beans"]}, 1, before, customer_id=f"c{number}")
        orders_of(warehouse, {f"z{number}": [bought]}, 1, after, customer_id=f"c{number}")
    one = segments.Thresholds(items=1)
    found = segments.check_bought_together(warehouse, NOON, one)
    assert (found.customers, found.items_shown, found.chosen, found.because) == (40, 40, chosen, because)
    assert (found.hits_together / 40, found.hits_bestsellers / 40) == rates
    assert "40 customers, up to 1 products each, 30 days held back" in found.sentence(one)
    few = segments.check_bought_together(warehouse, NOON, segments.Thresholds(items=1, least_customers=41))
    assert (few.chosen, few.because) == ("bought_together", "too_few")
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*), min(because) from segment.recommendation_check") == [(1, "too_few")]
