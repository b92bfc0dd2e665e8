"""The demo's shop hands its history over once; its clock never moves back."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection, Engine

from builders import campaign, enrollment, insert
from local_stack.home import Home
from local_stack.shop import Shop

TODAY = dt.date(2026, 11, 21)


@pytest.mark.timeout(180)
def test_the_history_is_handed_over_once(tmp_path: Path, warehouse: Engine) -> None:
    """The files lie in the feeds until they are loaded, and a later run of the same day brings none again."""
    home = Home(tmp_path / "demo")
    first = Shop(home, warehouse, TODAY)
    first.begin_writing()
    assert "rows" in first.hand_over()
    files = {file.name for file in home.feeds.iterdir()}
    assert {"customers.csv", "orders.parquet", "order_lines.parquet"} <= files
    interrupted = Shop(home, warehouse, TODAY)
    interrupted.begin_writing()
    interrupted.hand_over()
    assert {file.name for file in home.feeds.iterdir()} == files

    interrupted.take_away()
    assert list(home.feeds.iterdir()) == []
    again = Shop(home, warehouse, TODAY)
    again.begin_writing()
    assert "already" in again.hand_over()
    assert list(home.feeds.iterdir()) == []


def test_a_later_day_keeps_the_first_shift(tmp_path: Path, warehouse: Engine) -> None:
    """History stays where the first run put it: a later day is another world with the same shift."""
    home = Home(tmp_path / "demo")
    first = Shop(home, warehouse, TODAY)
    first.world.mkdir()
    first.take_away()
    tomorrow = Shop(home, warehouse, TODAY + dt.timedelta(days=1))
    assert not tomorrow.is_loaded
    assert Shop(home, warehouse, TODAY).is_loaded
    assert tomorrow._wanted["shift_days"] == first._wanted["shift_days"]


def test_an_order_placed_once_does_not_change_later(tmp_path: Path, warehouse: Engine) -> None:
    """A second run with more clicks adds orders and leaves those of the first exactly as they were."""
    home = Home(tmp_path / "demo")
    shop = Shop(home, warehouse, TODAY)
    clicked_at = dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC)
    with warehouse.begin() as connection:
        campaign(connection, "win_back")
        for household in range(1, 61):
            insert_click(connection, str(household), clicked_at)
    first = shop.write_reactions(clicked_at + dt.timedelta(minutes=5))
    before = (home.feeds / "orders.reactions.csv").read_text()
    with warehouse.begin() as connection:
        for household in range(61, 121):
            insert_click(connection, str(household), clicked_at)
        for household in range(1, 61):  # enrolled again: who bought before does not change
            enrollment(connection, "win_back", str(household), enrolled_at=clicked_at + dt.timedelta(hours=1))
    second = shop.write_reactions(clicked_at + dt.timedelta(hours=5))
    after = (home.feeds / "orders.reactions.csv").read_text()
    assert 0 < first.orders_by_clickers < second.orders_by_clickers
    assert after.startswith(before)
    assert len(after.splitlines()) == 1 + second.orders_by_clickers + second.orders_by_others
    orders = [line.split(",")[0] for line in after.splitlines()[1:]]
    lines = (home.feeds / "order_lines.reactions.csv").read_text().splitlines()[1:]
    assert {line.split(",")[0] for line in lines} == set(orders)


def insert_click(connection: Connection, customer_id: str, at: dt.datetime) -> None:
    """One mail of `customer_id` that was clicked."""
    enrollment_id = enrollment(connection, "win_back", customer_id, enrolled_at=at - dt.timedelta(hours=1))
    insert(
        connection,
        "event.engagement",
        enrollment_id=enrollment_id,
        step="miss_you",
        message_id=uuid.UUID(int=enrollment_id),
        campaign="win_back",
        customer_id=customer_id,
        first_event_at=at,
        first_click_at=at,
        last_click_at=at,
        batch_id=1,
    )
