"""The suite's own proof: a delivery that does what no delivery may do is caught."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count

import pytest

from fault_report import Row, judge
from fault_stage import LEASE, Stage

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def test_an_unsafe_delivery_is_caught(staged: Callable[..., Stage], report: Callable[[Row], None]) -> None:
    """Workers that plan expired claims again at once mail people twice, and the checker says how many."""
    stage = staged(10_000)
    stage.faults(delay_ms=30)
    draw, turn = random.Random(8), count()
    points = ("request written, no answer", "after answer, before record")
    stage.campaign(
        1,
        lambda: stage.orders(
            1.1 * LEASE * next(turn), point=draw.choice(points), nth=draw.randint(2, 8), limit=400, unsafe=True
        ),
    )
    row = judge("expired claims sent again", stage, stage.settle_after(1.1 * LEASE * next(turn)), 1)
    row.must_fail = True
    report(row)
    assert row.duplicates >= 100
    assert f"{row.duplicates} mails sent twice" in row.problems
