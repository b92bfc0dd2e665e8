"""The demo's last page: every figure comes from the warehouse, and nothing is shown that was not measured."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from rich.console import Console
from sqlalchemy.engine import Engine

from builders import NOON, campaign, customer, decision, enrollment, epoch, insert, load, message, message_id_of, order
from lifecycle_mail import kpis
from local_stack.report import print_report

LATER = NOON + dt.timedelta(hours=1)


def shown(warehouse: Engine, since: dt.datetime) -> list[list[str]]:
    """Return the printed report, each line as its words."""
    output = io.StringIO()
    print_report(Console(file=output, width=200), warehouse, since)
    return [line.split() for line in output.getvalue().splitlines()]


def test_an_empty_warehouse_has_a_report(warehouse: Engine) -> None:
    """Before anything is loaded, every table is there and empty, and there is no division by zero."""
    words = [word for line in shown(warehouse, NOON) for word in line]
    assert "Segments" in words
    assert "KPIs" in words
    assert "0.00" not in words


@pytest.fixture
def mailed(warehouse: Engine) -> Engine:
    """A campaign that mailed ann and held out bob; a feed with a refused row and one loaded without a value."""
    with warehouse.begin() as connection:
        load_id = insert(connection, "source.load", started_at=NOON, finished_at=NOON)
        for name in ("ann", "bob"):
            customer(connection, name, load_id=load_id)
        insert(
            connection, "source.rejected", load_id=load_id, feed="orders", file="orders.csv", line=7,
            reason="negative_price", row_md5="0" * 32, rejected_at=NOON,
        )  # fmt: skip
        insert(
            connection, "source.rejected", load_id=load_id, feed="orders", file="orders.csv", line=8,
            reason="unparsable_time", detail="column delivered_at", row_md5="1" * 32, rejected_at=NOON,
            is_loaded=True,
        )  # fmt: skip
        campaign(connection, "win_back")
        ann = enrollment(connection, "win_back", "ann")
        bob = enrollment(connection, "win_back", "bob", is_holdout=True)
        decision(connection, ann, "win_back", "ann")
        decision(connection, bob, "win_back", "bob", variant="holdout", outcome="skip", reason="held_out")
        message(connection, ann, "win_back", "ann")
    kpis.roll_up(warehouse, reporting_zone="UTC", now=LATER)
    return warehouse


def test_totals_and_what_is_new_stand_side_by_side(mailed: Engine) -> None:
    """Counts since the beginning of the run stand next to the totals; a second run shows dashes."""
    first, second = shown(mailed, NOON), shown(mailed, LATER)
    assert ["customers", "2", "2"] in first
    assert ["customers", "2", "–"] in second
    assert ["orders", "negative_price", "1", "1", "orders.csv:7"] in first
    assert ["orders", "negative_price", "1", "–", "orders.csv:7"] in second
    assert ["skip", "held_out", "1", "1", "1"] in first
    assert ["skip", "held_out", "1", "1", "–"] in second
    assert ["win_back", "accepted", "1", "1"] in first
    assert ["win_back", "accepted", "1", "–"] in second


def test_a_row_that_was_loaded_without_a_value_is_not_called_refused(mailed: Engine) -> None:
    """It stands in a table of its own, with the column that was left out."""
    lines = shown(mailed, NOON)
    refused = lines.index(["Rows", "refused,", "by", "reason"])
    aside = lines.index(["Values", "set", "aside", "(their", "rows", "were", "loaded", "without", "them)"])
    segments = lines.index(["Segments"])
    assert [line for line in lines[refused:aside] if line[:1] == ["orders"]] == [
        ["orders", "negative_price", "1", "1", "orders.csv:7"]
    ]
    assert [line for line in lines[aside:segments] if line[:1] == ["orders"]] == [
        ["orders", "delivered_at", "unparsable_time", "1", "1", "orders.csv:8"]
    ]


def test_a_rate_without_a_denominator_is_a_dash(mailed: Engine) -> None:
    """One mail accepted and nothing heard: the delivery rate is known, an open rate is not."""
    lines = shown(mailed, NOON)
    assert ["mails", "accepted", "1"] in lines
    assert ["delivery", "rate", "0.00", "%", "near", "100", "%"] in lines
    assert ["open", "rate", "(people)", "–", "20", "%"] in lines


def test_credited_revenue_has_a_line_per_currency_next_to_the_lift(mailed: Engine) -> None:
    """It is called credited, and a line below the table says that it is not what mails caused."""
    with mailed.begin() as connection:
        for key, currency, total in (("o1", "EUR", 30), ("o2", "USD", 1250)):
            order(connection, key, "ann", NOON + dt.timedelta(minutes=1), currency=currency, total=total)
        insert(
            connection, "event.engagement", enrollment_id=1, step="reminder", campaign="win_back", customer_id="ann",
            message_id=message_id_of(connection, 1, "reminder"), first_event_at=NOON, delivered_at=NOON,
            batch_id=insert(connection, "event.batch", source_name="test"),
        )  # fmt: skip
    kpis.roll_up(mailed, reporting_zone="UTC", reporting_currency="EUR", now=LATER)
    lines = shown(mailed, NOON)
    (place,) = [number for number, line in enumerate(lines) if line[:2] == ["credited", "revenue"]]
    assert lines[place - 2][0] == "lift"
    assert lines[place : place + 6] == [
        ["credited", "revenue", "30.00", "EUR"], ["1,250.00", "USD"], ["30.00", "EUR", "in", "all"],
        ["per", "e-mail", "30.00", "EUR"], ["1,250.00", "USD"], ["30.00", "EUR", "in", "all"],
    ]  # fmt: skip
    assert "mail too: the lift says how many" in " ".join(word for line in lines for word in line)


def compared(warehouse: Engine, name: str, target: float | None, treated: int, held_out: int) -> None:
    """A campaign with a holdout of half and so many people in its arms. Four of five treated people order."""
    with warehouse.begin() as connection:
        campaign(connection, name, goal_target_ratio=target)
        epoch(connection, name)
        for number in range(treated + held_out):
            who, held = f"{name}{number}", number >= treated
            series = enrollment(connection, name, who, is_holdout=held)
            outcome, reason = ("skip", "held_out") if held else ("send", "eligible")
            decision(connection, series, name, who, outcome=outcome, reason=reason)
            if number < 0.8 * treated:
                order(connection, who, who, LATER, load_id=1)


def test_a_lift_is_shown_only_if_it_says_something(warehouse: Engine) -> None:
    """With too few people for the target the report says how many there are and how many it takes, and no number. Arms
    that chance cannot have dealt, and campaigns without a holdout, have none either."""
    with warehouse.begin() as connection:
        assert load(connection) == 1
    compared(warehouse, "few", 0.15, 20, 20)
    compared(warehouse, "enough", 0.7, 20, 20)
    compared(warehouse, "odd", 0.7, 60, 12)
    kpis.roll_up(warehouse, reporting_zone="UTC", now=NOON + dt.timedelta(days=6))
    lines = shown(warehouse, NOON)
    (lift,) = [" ".join(line) for line in lines if line[:4] == ["lift", "over", "the", "held"]]
    (interval,) = [" ".join(line) for line in lines if line[:2] == ["95", "%"]]
    assert lift == "lift over the held out +80.0 pts too few people yet (40 of 338) no call: arms not as dealt above 0"
    assert interval == "95 % interval +53.1 to +91.9"
