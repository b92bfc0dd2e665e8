"""The provider misbehaves in every way there is; 10,000 recipients through real workers each time."""

from __future__ import annotations

import itertools
import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from builders import NOON
from dying_worker import POINTS, REFUSED
from event_feed import processed_events
from fault_report import Row, judge
from fault_stage import LEASE, SETTLE_AFTER_HOURS, Stage, Worker, some_time
from lifecycle_mail import delivery

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

TIMES = 2


@dataclass(frozen=True)
class Case:
    """A fault that befalls TIMES requests of 1,000, and what becomes of their mails."""

    name: str
    fault: dict[str, Any]
    in_doubt: bool = False
    rejected: int = 0

    @property
    def timeout_seconds(self) -> float:
        """The timeout: short if the fault is that no answer comes."""
        return 4.0 if self.fault["answer"] in ("hang", "stall_body") else 30.0


def unclear(name: str, **fault: Any) -> list[Case]:
    """The fault before and after acceptance: the worker cannot tell, so both leave their mails in doubt."""
    return [
        Case(f"{name}, {'taken' if taken else 'not taken'}", {**fault, "accepted": taken}, in_doubt=True)
        for taken in (True, False)
    ]


CASES = [
    *unclear("500", answer="status", status=500),
    *unclear("503 with an empty body", answer="status", status=503, body="empty"),
    *unclear("502 of garbage", answer="status", status=502, body="garbage"),
    *unclear("200 of garbage", answer="status", status=200, body="garbage"),
    *unclear("bytes that are no HTTP", answer="not_http"),
    *unclear("timeout", answer="hang"),
    *unclear("connection closed", answer="drop"),
    *unclear("connection reset", answer="reset"),
    *unclear("reset in the middle of the answer", answer="cut_answer"),
    *unclear("half-closed connection", answer="half_close"),
    Case("reset in the middle of the request", {"answer": "reset_body"}, in_doubt=True),
    Case("accepts TCP and reads no further", {"answer": "stall_body", "seconds": 15}, in_doubt=True),
    Case("429 with headers", {"answer": "status", "status": 429, "rate_reset_seconds": 1}),
    Case("429 without headers", {"answer": "status", "status": 429, "rate_headers": False}),
    Case("413", {"answer": "status", "status": 413}),
    Case("400 names the 17th recipient", {"answer": "status", "status": 400, "recipient": 16}, rejected=TIMES),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_fault(staged: Callable[..., Stage], report: Callable[[Row], None], case: Case) -> None:
    """Exactly the mails of the faulty requests are in doubt (or the named ones are rejected); all others are
    accepted."""
    stage = staged(10_000)
    stage.faults(0, {"times": TIMES, **case.fault})
    assert stage.run(waits=0.5, timeout_seconds=case.timeout_seconds).status == 0
    ledger, accepted = stage.ledger(), stage.accepted()
    doubtful = 1000 * TIMES if case.in_doubt else 0
    assert len(ledger.ids("in_doubt")) == doubtful
    assert len(ledger.ids("rejected")) == case.rejected
    assert len(ledger.ids("accepted")) == 10_000 - doubtful - case.rejected
    assert set(accepted) - ledger.ids("accepted") == (ledger.ids("in_doubt") if case.fault.get("accepted") else set())
    report(judge(f"provider: {case.name}", stage, stage.settle(), 1, faulty_answers=TIMES))


def test_access_refused_stops_all_sending(staged: Callable[..., Stage], report: Callable[[Row], None]) -> None:
    """After a 401 the worker stops, no other worker sends, and every mail waits. After `sending resume` all go once."""
    stage = staged(10_000)
    stage.faults(0, {"answer": "status", "status": 401, "times": 1})
    assert stage.run().status == REFUSED
    assert stage.run().status == 0
    assert stage.waiting() == 10_000
    assert not stage.accepted()
    delivery.resume(stage.engine, "all", NOON + timedelta(minutes=1))
    assert stage.run(timedelta(minutes=2)).status == 0
    assert len(stage.accepted()) == 10_000
    row = judge("provider: 401", stage, stage.settle(), 1, faulty_answers=1, workers_that_gave_up=stage.tally.refused)
    report(row)
    assert row.gave_up == 1


def test_a_refusal_without_a_name_stops_the_campaign(
    staged: Callable[..., Stage], report: Callable[[Row], None]
) -> None:
    """A 400 that names no recipient pauses the campaign, and its mails wait. After `campaign resume` all go once."""
    stage = staged(10_000)
    stage.faults(0, {"answer": "status", "status": 400, "times": 1})
    assert stage.run().status == 0
    assert stage.waiting() == 10_000
    delivery.resume(stage.engine, "campaign:cart_abandoned", NOON + timedelta(minutes=1))
    assert stage.run(timedelta(minutes=2)).status == 0
    assert len(stage.accepted()) == 10_000
    report(judge("provider: 400 names nobody", stage, stage.settle(), 1, faulty_answers=1))


def test_slow(staged: Callable[..., Stage], report: Callable[[Row], None]) -> None:
    """Two seconds per answer are no fault: everything is accepted, nothing is in doubt."""
    stage = staged(10_000)
    stage.faults(2000)
    stage.campaign(2, stage.orders)
    assert len(stage.ledger().ids("accepted")) == 10_000
    report(judge("provider: slow", stage, stage.settle(), 2))


MIXTURE = (
    {"answer": "status", "status": 500, "share": 0.03, "accepted": True},
    {"answer": "status", "status": 503, "share": 0.03},
    {"answer": "status", "status": 429, "share": 0.05, "rate_headers": False},
    {"answer": "status", "status": 429, "share": 0.03, "rate_reset_seconds": 1},
    {"answer": "status", "status": 413, "share": 0.02},
    # The first: after 413s a request may hold a dozen mails, and one that is not in it stops the campaign, rightly.
    {"answer": "status", "status": 400, "share": 0.03, "recipient": 0},
    {"answer": "status", "status": 502, "share": 0.02, "body": "garbage", "accepted": True},
    {"answer": "drop", "share": 0.02, "accepted": True},
    {"answer": "reset", "share": 0.02, "accepted": True},
    {"answer": "reset_body", "share": 0.03},
    {"answer": "cut_answer", "share": 0.03, "accepted": True},
    {"answer": "half_close", "share": 0.02},
    {"answer": "not_http", "share": 0.02, "accepted": True},
    {"answer": "hang", "share": 0.01, "accepted": True},
)


def test_everything_at_once(staged: Callable[..., Stage], report: Callable[[Row], None]) -> None:
    """Four workers, every fault drawn by chance, and kills at every point on top."""
    stage = staged(10_000)
    stage.faults(30, *MIXTURE)
    points, draw = itertools.cycle((*POINTS, None)), random.Random(9)
    stage.campaign(
        4, lambda: stage.orders(point=next(points), nth=draw.randint(2, 8), limit=50, waits=0.1, timeout_seconds=5.0)
    )
    row = judge("every fault at once, with kills", stage, stage.settle(), 4, workers_that_gave_up=stage.tally.refused)
    report(row)
    assert row.unclear_requests >= 10
    assert row.rejected >= 1


def test_the_provider_itself_is_killed(staged: Callable[..., Stage], report: Callable[[Row], None]) -> None:
    """The simulator dies and comes back: refused connections return the mails, cut ones leave them in doubt."""
    stage = staged(10_000)
    stage.faults(600)
    deaths = ProviderDeaths(stage, random.Random(10))
    stage.campaign(2, lambda: stage.orders(limit=100, waits=1.0), deaths)
    row = judge(
        "provider killed and restarted", stage, stage.settle(), 2, cut_answers=2 * deaths.done,
        provider_kills=deaths.done, workers_that_gave_up=stage.tally.refused,
    )  # fmt: skip
    report(row)
    assert deaths.done >= 2


class ProviderDeaths:
    """Kills the simulator at random moments and starts it again at the same address."""

    def __init__(self, stage: Stage, draw: random.Random) -> None:
        self.stage, self.draw = stage, draw
        self.done = 0
        self.next = some_time(draw, 0.8, 1.6)

    def __call__(self, living: Sequence[Worker]) -> None:
        if time.monotonic() < self.next or self.done >= 3:
            return
        self.stage.restart_simulator()
        self.done += 1
        self.next = some_time(self.draw, 0.8, 1.6)


@pytest.mark.parametrize("taken", [True, False])
def test_the_policy_resend(staged: Callable[..., Stage], report: Callable[[Row], None], taken: bool) -> None:
    """A topic that resends waits for the other mails' events and resends only what they did not prove. No recipient is
    mailed twice."""
    stage = staged(10_000, "resend")
    stage.faults(0, {"answer": "drop", "accepted": taken, "times": TIMES})
    stage.run()
    doubtful = stage.ledger().ids("in_doubt")
    after = stage.settle()
    assert len(doubtful) == 1000 * TIMES
    assert after.with_events.ids("in_doubt") == (set() if taken else doubtful)
    assert after.end.ids("accepted") == set(after.end.states)
    name = f"policy resend, {'taken' if taken else 'not taken'}"
    report(judge(name, stage, after, 1, faulty_answers=TIMES))


def test_the_policy_resend_waits_for_events(staged: Callable[..., Stage], report: Callable[[Row], None]) -> None:
    """Events of 98 of 100 mails have come, and newer ones of strangers: days later nothing is mailed again, until the
    others' events come."""
    stage = staged(10_000, "resend")
    stage.faults(0, {"answer": "drop", "accepted": False, "times": TIMES})
    stage.run()
    before = stage.ledger()
    folder = stage.events.parent / "early"
    folder.mkdir()
    known = sorted(before.ids("accepted"))[:7840]
    events = processed_events(known, int((NOON + timedelta(hours=1)).timestamp()))
    strangers = [str(uuid.UUID(int=2**128 - 1 - number)) for number in range(100)]
    events += processed_events(strangers, int((NOON + timedelta(hours=SETTLE_AFTER_HOURS + 1)).timestamp()))
    (folder / "events.ndjson").write_bytes(b"\n".join(events) + b"\n")
    stage.ingest(folder)
    stage.drain(timedelta(hours=SETTLE_AFTER_HOURS) + 4 * LEASE)
    assert stage.ledger() == before
    assert len(stage.accepted()) == 10_000 - 1000 * TIMES
    after = stage.settle()
    assert after.end.ids("accepted") == set(after.end.states)
    report(judge("policy resend, some events are missing", stage, after, 1, faulty_answers=TIMES))
