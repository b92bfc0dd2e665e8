"""Whose an order is, by which touch, and what it is worth: credit, currencies, the reporting currency."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

import builders
from builders import NOON, rows
from lifecycle_mail.kpis import check, roll_up
from lifecycle_mail.sources import load_feeds

LATER = NOON + timedelta(days=60)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def mail(connection: Connection, campaign: str, who: str = "a", accepted: float = 0, **facts: float) -> None:
    """A delivered mail; facts are hours after noon, named as the columns of engagement without `_at`."""
    serial = rows(connection, "select count(*) from journey.enrollment")[0][0]
    enrollment = builders.enrollment(connection, campaign, who, occurrence=f"o{serial}")
    builders.decision(connection, enrollment, campaign, who)
    message_id = builders.message(connection, enrollment, campaign, who, accepted_at=at(accepted))
    builders.insert(
        connection, "event.engagement", enrollment_id=enrollment, step="reminder", message_id=message_id,
        campaign=campaign, customer_id=who, first_event_at=at(accepted), delivered_at=at(accepted),
        batch_id=builders.insert(connection, "event.batch", source_name="test"),
        **{f"{name}_at": at(hours) for name, hours in facts.items()},
    )  # fmt: skip


def rolled(warehouse: Engine, currency: str | None = None) -> None:
    """Roll up, and hold that a full roll-up finds the same."""
    roll_up(warehouse, reporting_zone="UTC", reporting_currency=currency, now=LATER)
    found = credits(warehouse), revenue(warehouse)
    roll_up(warehouse, reporting_zone="UTC", reporting_currency=currency, now=LATER, full=True)
    assert (credits(warehouse), revenue(warehouse)) == found
    assert check(warehouse) == []


def credits(warehouse: Engine) -> list[tuple[Any, ...]]:
    query = "select order_id, campaign, model, currency, revenue, reporting_revenue from kpi.order_credit order by 1"
    with warehouse.connect() as connection:
        return rows(connection, query)


def revenue(warehouse: Engine) -> list[tuple[Any, ...]]:
    query = (
        "select campaign, currency, is_converted, orders, revenue, orders_without_rate from kpi.campaign_revenue"
        " where step is null order by 1, 2, 3"
    )
    with warehouse.connect() as connection:
        return rows(connection, query)


TOUCHES: list[tuple[str, float | None, dict[str, float], bool]] = [
    # An order 50 hours after the mail. Without days of its own, the goal's five days hold.
    ("sent", None, {}, True),
    ("sent", 2, {}, False),
    ("opened", None, {}, False),
    ("opened", 2, {"first_open": 1, "last_open": 49}, False),
    ("opened", 2, {"first_open": 2, "last_open": 2}, True),
    ("opened", 2, {"first_open": 51, "last_open": 51}, False),
    ("opened", 2, {"first_machine_open": 49}, False),
    ("opened", 2, {"first_click": 20, "last_click": 20}, True),
    ("clicked", 2, {"first_open": 20, "last_open": 20}, False),
    ("clicked", 2, {"first_click": 1, "last_click": 49}, False),
    ("clicked", 2, {"first_click": 2, "last_click": 2}, True),
    ("clicked", 2, {"first_click": 50, "last_click": 50}, True),
    ("clicked", 2, {"first_click": 50.01, "last_click": 50.01}, False),
    # The touch may come long after the goal's time: the order is credited, and the goal is not reached.
    ("clicked", 1, {"first_click": 49, "last_click": 49}, True),
]


def test_a_mail_takes_credit_by_the_touch_of_its_campaign(warehouse: Engine) -> None:
    """Sent, opened or clicked, first and by a person, and for so many days after it, both ends included. A click
    without an open opened the mail."""
    expected = []
    with warehouse.begin() as connection:
        for number, (model, days, facts, is_credited) in enumerate(TOUCHES, 10):
            who = builders.customer(connection, f"a{number}")
            builders.campaign(connection, f"sale{number}", credit_model=model, credit_within_days=days)
            mail(connection, f"sale{number}", who, **facts)
            builders.order(connection, f"o{number}", who, at(50))
            if is_credited:
                expected.append((f"o{number}", f"sale{number}", model, "EUR", 10, None))
    rolled(warehouse)
    assert credits(warehouse) == expected


def test_the_last_touch_before_an_order_takes_its_credit(warehouse: Engine) -> None:
    """Campaigns with different touches compete by when they touched. A touch that arrives late, and another rule in a
    campaign file, move the credit; the goal stays as it is."""
    with warehouse.begin() as connection:
        builders.customer(connection, "a")
        for name, model in (("news", "sent"), ("sale", "clicked")):
            builders.campaign(connection, name, credit_model=model, credit_within_days=3, goal_within_days=30)
        mail(connection, "sale", accepted=0)
        mail(connection, "news", accepted=10)
        builders.order(connection, "o1", "a", at(40))
    rolled(warehouse)
    assert [row[:3] for row in credits(warehouse)] == [("o1", "news", "sent")]
    with warehouse.begin() as connection:
        connection.execute(
            sa.text(
                "update event.engagement set first_click_at = :at, last_click_at = :at, batch_id = :batch"
                " where campaign = 'sale'"
            ),
            {"at": at(30), "batch": builders.insert(connection, "event.batch", source_name="late")},
        )
    rolled(warehouse)
    assert [row[:3] for row in credits(warehouse)] == [("o1", "sale", "clicked")]
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update journey.campaign set credit_within_days = 0.1 where campaign = 'sale'")
    rolled(warehouse)
    assert [row[:3] for row in credits(warehouse)] == [("o1", "news", "sent")]
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update journey.campaign set credit_model = 'opened'")
    rolled(warehouse)
    assert credits(warehouse) == []
    with warehouse.connect() as connection:
        assert rows(connection, "select sum(converters) from kpi.campaign_daily") == [(2,)]


def test_one_order_in_another_currency_leaves_the_rest_as_it_was(warehouse: Engine) -> None:
    """A campaign has one row per currency, and each row its revenue per delivered mail."""
    with warehouse.begin() as connection:
        builders.customer(connection, "a")
        builders.campaign(connection, "sale")
        for hours in range(4):
            mail(connection, "sale", accepted=hours)
        builders.order(connection, "o1", "a", at(5), total=30)
    rolled(warehouse)
    assert revenue(warehouse) == [("sale", "EUR", False, 1, 30, 0)]
    with warehouse.begin() as connection:
        builders.order(connection, "o2", "a", at(6), total=8, currency="USD")
        builders.order(connection, "o3", "a", at(7), total=2, currency=None)
    rolled(warehouse)
    assert revenue(warehouse) == [
        ("sale", "EUR", False, 1, 30, 0), ("sale", "USD", False, 1, 8, 0), ("sale", "XXX", False, 1, 2, 0),
    ]  # fmt: skip
    query = "select currency, revenue_per_email from kpi.campaign_revenue where step is null and currency = 'EUR'"
    with warehouse.connect() as connection:
        assert rows(connection, query) == [("EUR", Decimal("7.5"))]


def test_revenue_per_mail_is_of_delivered_mails(warehouse: Engine) -> None:
    """A mail about which nothing was heard takes credit too. Its revenue is in the pair that counts accepted mails."""
    with warehouse.begin() as connection:
        for who in "ab":
            builders.customer(connection, who)
        builders.campaign(connection, "sale")
        mail(connection, "sale")
        mail(connection, "sale", "b", accepted=1)
        connection.exec_driver_sql("delete from event.engagement where customer_id = 'b'")
        builders.order(connection, "o1", "a", at(5), total=30)
        builders.order(connection, "o2", "b", at(5), total=8)
    rolled(warehouse, "EUR")
    query = (
        "select is_converted, revenue, delivered_revenue, delivered, revenue_per_email, accepted,"
        " accepted_revenue_per_email from kpi.campaign_revenue where step is null order by 1"
    )
    with warehouse.connect() as connection:
        assert rows(connection, query) == [(False, 38, 30, 1, 30, 2, 19), (True, 38, 30, 1, 30, 2, 19)]
    with warehouse.begin() as connection:  # an event of the second one arrives
        builders.insert(
            connection, "event.engagement", enrollment_id=2, step="reminder", campaign="sale", customer_id="b",
            message_id=builders.message_id_of(connection, 2, "reminder"), first_event_at=at(1), delivered_at=at(1),
            batch_id=builders.insert(connection, "event.batch", source_name="late"),
        )  # fmt: skip
    rolled(warehouse, "EUR")
    with warehouse.connect() as connection:
        assert rows(connection, query) == [(False, 38, 38, 2, 19, 2, 19), (True, 38, 38, 2, 19, 2, 19)]


def test_the_reporting_currency_holds_what_has_a_rate(warehouse: Engine, tmp_path: Path) -> None:
    """Each order is converted at the newest rate of its day or before. Rates that come later, or change, convert again
    what they are for. An order without a rate is counted as missing, never as zero."""

    def rates(*lines: str) -> None:
        (tmp_path / "currency_rates.csv").write_text("day,currency,rate\n" + "\n".join(lines) + "\n")
        load_feeds(warehouse, tmp_path, link_secret="s", now=NOON)

    with warehouse.begin() as connection:
        builders.customer(connection, "a")
        builders.campaign(connection, "sale")
        mail(connection, "sale")
        for key, hours, currency in (
            ("o1", 1, "EUR"), ("o2", 2, "USD"), ("o3", 30, "USD"), ("o4", 3, "THB"), ("o5", 4, None),
        ):  # fmt: skip
            builders.order(connection, key, "a", at(hours), currency=currency)
    rates("2026-02-27,USD,0.5", "2026-03-04,USD,0.1", "2026-03-01,EUR,7")
    rolled(warehouse)
    assert {row[5] for row in credits(warehouse)} == {None}
    rolled(warehouse, "EUR")
    found = {row[0]: row[5] for row in credits(warehouse)}
    assert found == {"o1": 10, "o2": 5, "o3": 5, "o4": None, "o5": None}
    assert ("sale", "EUR", True, 3, 20, 2) in revenue(warehouse)
    rates("2026-03-03,USD,0.25", "2026-03-02,THB,0.0270125")
    rolled(warehouse, "EUR")
    found = {row[0]: row[5] for row in credits(warehouse)}
    assert found == {"o1": 10, "o2": 5, "o3": Decimal("2.5"), "o4": Decimal("0.2701"), "o5": None}
    assert revenue(warehouse) == [
        ("sale", "EUR", False, 1, 10, 0), ("sale", "EUR", True, 4, Decimal("17.7701"), 1),
        ("sale", "THB", False, 1, 10, 0), ("sale", "USD", False, 2, 20, 0), ("sale", "XXX", False, 1, 10, 0),
    ]  # fmt: skip
    with warehouse.connect() as connection:
        query = "select day, reporting_orders, reporting_revenue from kpi.event_revenue_daily where currency = 'USD'"
        assert rows(connection, f"{query} order by day") == [
            (date(2026, 3, 2), 1, 5), (date(2026, 3, 3), 1, Decimal("2.5")),
        ]  # fmt: skip
    rolled(warehouse)
    assert not [row for row in revenue(warehouse) if row[2]]


def test_a_rate_that_says_nothing_is_set_aside(warehouse: Engine, tmp_path: Path) -> None:
    """A rate of zero, a negative one, a word, and a day that is none are refused by name; the rest is loaded."""
    (tmp_path / "currency_rates.csv").write_text(
        "day,currency,rate\n2026-03-01,usd,1.25\n2026-03-01,EUR,0\n2026-03-01,GBP,-1\n2026-03-01,THB,much\n"
        "02/03/2026,USD,1\n1826-03-01,USD,1\n2026-03-01,Dollar,1\n"
    )
    load_feeds(warehouse, tmp_path, link_secret="s", now=NOON)
    with warehouse.connect() as connection:
        found = rows(connection, "select day, currency, rate from source.currency_rate")
        refused = rows(connection, "select line, reason from source.rejected order by 1")
    assert found == [(date(2026, 3, 1), "USD", Decimal("1.25"))]
    assert refused == [
        (3, "negative_rate"), (4, "negative_rate"), (5, "unparsable_number"), (6, "unparsable_date"),
        (7, "date_out_of_range"), (8, "invalid_currency"),
    ]  # fmt: skip
