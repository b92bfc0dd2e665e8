"""Lifecycle stages are counted per day: who went from which stage to which, also if facts come late."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import builders
from builders import insert
from lifecycle_mail.segments import count_stages

DAY = dt.date(2026, 6, 1)
MORNING = dt.datetime(2026, 6, 2, 6, tzinfo=dt.UTC)
ONE_DAY = dt.timedelta(days=1)


def counted(warehouse: Engine, day: dt.date = DAY) -> dict[tuple[str, str], int]:
    query = "select from_stage, to_stage, customers from segment.stage_daily where day = :day"
    with warehouse.connect() as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute(sa.text(query), {"day": day})}


def order(connection: Any, number: int, customer_id: str, at: str) -> None:
    placed = {"order_id": f"o{number}", "customer_id": customer_id, "ordered_at": at, "total": 1, "load_id": 1}
    insert(connection, "source.orders", **placed)


def test_transitions_of_a_day(warehouse: Engine) -> None:
    """Each customer is counted once, by the stage when the day began and the stage when it ended.

    An order at midnight belongs to the day that begins. A sign-up comes from outside, and an erasure leads there.
    """
    with warehouse.begin() as connection:
        for one in ("still", "bought", "midnight", "tomorrow", "again", "risk", "lapsed"):
            builders.customer(connection, one, created_at="2025-01-01T00:00:00Z")
        builders.customer(connection, "new", created_at="2026-06-01T00:00:00Z")
        builders.customer(connection, "later", created_at="2026-06-02T00:00:00Z")
        builders.customer(connection, "gone", created_at="2025-01-01T00:00:00Z", erased_at="2026-06-01T12:00:00Z")
        order(connection, 1, "bought", "2026-06-01T23:59:59Z")
        order(connection, 2, "midnight", "2026-06-01T00:00:00Z")
        order(connection, 3, "tomorrow", "2026-06-02T00:00:00Z")
        order(connection, 4, "again", "2026-05-01T00:00:00Z")
        order(connection, 5, "again", "2026-06-01T12:00:00Z")
        order(connection, 6, "risk", "2026-03-03T12:00:00Z")
        order(connection, 7, "lapsed", "2025-12-03T12:00:00Z")
    assert count_stages(warehouse, MORNING) == [DAY]
    assert counted(warehouse) == {
        ("subscriber", "subscriber"): 2, ("subscriber", "first_time_buyer"): 2,
        ("first_time_buyer", "repeat_buyer"): 1, ("first_time_buyer", "at_risk"): 1, ("at_risk", "lapsed"): 1,
        ("outside", "subscriber"): 1, ("subscriber", "outside"): 1,
    }  # fmt: skip


def test_once_per_day_and_the_day_before_again(warehouse: Engine) -> None:
    """The first call of a day counts; further ones do nothing. The first call of a later day finds what came late.

    A gap is filled, and each day begins with what the day before ended with.
    """
    with warehouse.begin() as connection:
        for one in ("a", "b"):
            builders.customer(connection, one, created_at="2025-01-01T00:00:00Z")
    assert count_stages(warehouse, MORNING) == [DAY]
    assert count_stages(warehouse, MORNING + dt.timedelta(hours=17)) == []
    with warehouse.begin() as connection:
        order(connection, 1, "a", "2026-06-01T23:00:00Z")
    assert counted(warehouse) == {("subscriber", "subscriber"): 2}
    assert count_stages(warehouse, MORNING + 3 * ONE_DAY) == [DAY + n * ONE_DAY for n in range(4)]
    assert counted(warehouse) == {("subscriber", "subscriber"): 1, ("subscriber", "first_time_buyer"): 1}
    ends, begins = Counter[str](), Counter[str]()
    for (_, stage), customers in counted(warehouse).items():
        ends[stage] += customers
    for (stage, _), customers in counted(warehouse, DAY + ONE_DAY).items():
        begins[stage] += customers
    assert ends == begins == {"subscriber": 1, "first_time_buyer": 1}


@pytest.mark.parametrize("again", [False, True])
def test_a_long_pause(warehouse: Engine, again: bool) -> None:
    """At most 31 days are counted at once; counting again gives the same."""
    with warehouse.begin() as connection:
        builders.customer(connection, "a", created_at="2025-01-01T00:00:00Z")
    assert count_stages(warehouse, MORNING) == [DAY]
    days = count_stages(warehouse, MORNING + 100 * ONE_DAY, again=again)
    assert days == [DAY + n * ONE_DAY for n in range(70, 101)]
    assert count_stages(warehouse, MORNING + 100 * ONE_DAY, again=True) == days
    assert counted(warehouse, days[-1]) == {("subscriber", "subscriber"): 1}
