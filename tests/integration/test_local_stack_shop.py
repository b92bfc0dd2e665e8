"""The demo's shop hands its history over once; its clock never moves back."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

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
