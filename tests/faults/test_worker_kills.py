"""kill -9 of real delivery workers at every named point and at random moments."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Sequence

import pytest

from dying_worker import POINTS
from fault_report import Row, judge
from fault_stage import Stage, Worker, named, some_time

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

MAILS_A_REQUEST = 50  # so that 10,000 recipients make two hundred places to die


@pytest.mark.parametrize(
    ("workers", "kind"), [(1, "capped"), (2, "capped"), (4, "capped"), (2, "uncapped"), (4, "uncapped")]
)
def test_killed_at_every_named_point(
    staged: Callable[..., Stage], report: Callable[[Row], None], workers: int, kind: str
) -> None:
    """Workers die at each point in turn, again and again: no mail goes twice or is lost, and each worker leaves at most
    one request in doubt. This also holds without a cap, whose unique place would help the lock of the claim."""
    stage = staged(10_000, kind=kind)
    stage.faults(delay_ms=30)
    points, draw = itertools.cycle(POINTS), random.Random(workers)
    stage.campaign(
        workers, lambda: stage.orders(point=next(points), nth=draw.randint(1, 3), limit=MAILS_A_REQUEST)
    )
    row = judge(f"kill at named points, {workers} workers{named(kind)}", stage, stage.settle(), workers)
    report(row)
    assert set(row.kills) == set(POINTS)
    assert min(row.kills.values()) >= 3
    assert sum(row.kills.values()) >= 60


@pytest.mark.parametrize(
    ("workers", "limit", "low", "high", "least"),
    [
        pytest.param(2, 1000, 0.8, 2.4, 15, id="whole requests"),
        pytest.param(4, 150, 0.1, 0.4, 150, id="many kills"),
    ],
)
def test_killed_at_random_moments(
    staged: Callable[..., Stage],
    report: Callable[[Row], None],
    workers: int,
    limit: int,
    low: float,
    high: float,
    least: int,
) -> None:
    """60,000 mails, 700 ms per request: most kills fall inside a request, and still no recipient is mailed twice."""
    stage = staged(60_000)
    stage.faults(delay_ms=700)
    kills = RandomKills(stage, random.Random(20261121), low, high)
    stage.campaign(workers, lambda: stage.orders(limit=limit), kills)
    row = judge(f"kill at random moments, 700 ms, {limit} a request", stage, stage.settle(), workers)
    report(row)
    assert row.kills["at a random moment"] >= least
    assert row.kills_inside_a_request > row.kills["at a random moment"] / 2


class RandomKills:
    """Kills one of the workers that have begun to request, at random moments.

    It spares a worker that still starts or renders its first batch. A busy machine takes longer for that than for a
    request, so most kills would fall there. The named points cover those moments.
    """

    def __init__(self, stage: Stage, draw: random.Random, low: float, high: float) -> None:
        self.stage, self.draw, self.low, self.high = stage, draw, low, high
        self.next = some_time(draw, low, high)

    def __call__(self, living: Sequence[Worker]) -> None:
        begun = [worker for worker in living if self.stage.nursery.has_requested(worker)]
        if time.monotonic() >= self.next and begun:
            self.stage.nursery.kill(self.draw.choice(begun))
            self.next = some_time(self.draw, self.low, self.high)
