"""Workers lose what they stand on: the database restarts, a worker is stopped past its lease, clocks jump."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from durable_server import DurableServer
from fault_report import Row, judge
from fault_stage import LEASE, Stage, Worker, named, some_time, wait_until
from proof import duplicates

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.mark.parametrize("workers", [2, 4])
def test_the_database_restarts_under_them(
    staged: Callable[..., Stage], durable_server: DurableServer, report: Callable[[Row], None], workers: int
) -> None:
    """PostgreSQL crashes and restarts fast during a campaign: what was committed holds, and the rest goes on."""
    stage = staged(10_000)
    stage.faults(delay_ms=100)
    restarts = Restarts(durable_server, stage, random.Random(workers))
    stage.campaign(workers, lambda: stage.orders(limit=50), restarts)
    gave_up = stage.tally.refused
    row = judge(
        f"database restarted, {workers} workers", stage, stage.settle(), workers,
        database_restarts=restarts.done, workers_that_gave_up=gave_up,
    )  # fmt: skip
    report(row)
    assert restarts.done >= 3


class Restarts:
    """Restarts the server at random moments, by turns as a crash and in order."""

    def __init__(self, server: DurableServer, stage: Stage, draw: random.Random) -> None:
        self.server, self.stage, self.draw = server, stage, draw
        self.done = 0
        self.next = some_time(draw, 0.5, 2.0)

    def __call__(self, living: Sequence[Worker]) -> None:
        if time.monotonic() < self.next or self.done >= 6:
            return
        self.server.restart("immediate" if self.done % 2 == 0 else "fast")
        self.stage.engine.dispose()
        self.done += 1
        self.next = some_time(self.draw, 0.5, 2.5)


@pytest.mark.parametrize(
    "point", ["after claim commit", "request half written", "request written, no answer", "after answer, before record"]
)
def test_stopped_past_its_lease(staged: Callable[..., Stage], report: Callable[[Row], None], point: str) -> None:
    """A worker asleep past its lease loses its claim to doubt. No worker repeats it, and its late answer counts."""
    stage = staged(10_000)
    sleeper = stage.start(point=point, nth=3, halt="stop")
    wait_until(sleeper.is_stopped)
    held = stage.ledger().ids("claimed")
    stage.run(2 * LEASE)
    while_asleep = stage.ledger()
    assert len(held) == 1000
    assert while_asleep.ids("in_doubt") == held
    sleeper.signal(signal.SIGCONT)
    stage.finish(sleeper)
    learned = stage.ledger()
    taken = set(stage.accepted())
    row = judge(f"stopped {point}", stage, stage.settle(), 2, stops_past_the_lease=1)
    assert learned.ids("accepted") == taken
    assert learned.ids("in_doubt") == set(learned.states) - taken
    report(row)


@pytest.mark.parametrize("policy", ["abandon", "resend"])
def test_a_worker_that_wakes_after_its_lease_sends_nothing(staged: Callable[..., Stage], policy: str) -> None:
    """A worker sleeps between claim and request past its lease, by its own clock. A mail that was settled meanwhile is
    not sent late (abandon), nor a second time (resend)."""
    stage = staged(2_000, policy)
    sleeper = stage.start(point="after claim commit", halt="stop", lease_seconds=2.0, timeout_seconds=1.0)
    wait_until(sleeper.is_stopped)
    held = stage.ledger().ids("claimed")
    assert len(held) == 1000
    time.sleep(2.5)
    after = stage.settle()
    assert after.end.ids("abandoned" if policy == "abandon" else "accepted") >= held
    sleeper.signal(signal.SIGCONT)
    stage.finish(sleeper)
    accepted = stage.accepted()
    assert duplicates(accepted) == 0
    assert (held & set(accepted)) == (held if policy == "resend" else set())


@pytest.mark.parametrize("kind", ["capped", "uncapped"])
def test_killed_and_expired_while_others_go_on(
    staged: Callable[..., Stage], report: Callable[[Row], None], kind: str
) -> None:
    """Each worker's clock is a lease ahead of the one before: claims expire under living workers and dead ones."""
    stage = staged(10_000, kind=kind)
    stage.faults(delay_ms=150)
    draw, turn = random.Random(5), iter(range(10_000))
    points = ("after claim commit", "request written, no answer", "after answer, before record", None)
    stage.campaign(
        4,
        lambda: stage.orders(
            1.1 * LEASE * next(turn), point=draw.choice(points), nth=draw.randint(1, 4), limit=50
        ),
    )
    after = stage.settle_after(1.1 * LEASE * next(turn))
    report(judge(f"leases expire under 4 workers{named(kind)}", stage, after, 4))


def test_clocks_jump(staged: Callable[..., Stage], report: Callable[[Row], None]) -> None:
    """Clocks off by up to six hours at every reading, forwards and backwards, and workers killed meanwhile."""
    stage = staged(10_000)
    stage.faults(delay_ms=100)
    draw = random.Random(6)
    points = ("after claim commit", "request written, no answer", "while recording, before commit", None)
    jumps = iter(range(10_000))

    def orders() -> object:
        return stage.orders(
            timedelta(hours=draw.uniform(6, 12)), point=draw.choice(points), nth=draw.randint(1, 4), limit=50,
            jump_hours=6.0 if next(jumps) % 2 else 0.0,
        )  # fmt: skip

    stage.campaign(3, orders)
    after = stage.settle_after(timedelta(hours=30))
    row = judge("clocks jump by hours", stage, after, 3, workers_with_jumping_clocks=next(jumps) // 2)
    report(row)

