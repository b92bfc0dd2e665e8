"""Late and early: whatever repeated, late, backward and future runs come between, the regular runs send what they would
have sent alone.

Which runs are regular, and what they send, is computed here from the rules in words (`Expected`), never from the SQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, load, rows
from emptied import empty
from lifecycle_mail.delivery import worker
from lifecycle_mail.errors import FutureRefused
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.sendgrid.answers import Accepted
from lifecycle_mail.settings import INCLUDE, Settings

HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
CART = "cart_abandoned"
LATENESS = 3 * HOUR
STEPS = {"reminder": 0 * HOUR, "doubts": 2 * HOUR}
STAGES = ("refresh_segment", "enroll", "advance", "decide", "write_messages")


@dataclass(frozen=True)
class Person:
    """Someone who left a cart at one moment, and ordered at another (None = never)."""

    name: str
    cart_at: dt.datetime
    ordered_at: dt.datetime | None


@dataclass(frozen=True)
class Run:
    """A run of the campaign at `at`, for `as_of`, which dies after the first `stages` stages, or does all of them by
    `plan`."""

    at: dt.datetime
    as_of: dt.datetime
    is_regular: bool = False
    stages: int = len(STAGES) + 1

    @property
    def is_future(self) -> bool:
        return self.as_of > self.at + 5 * MINUTE


@dataclass
class Expected:
    """What the regular runs do, by the rules in words."""

    people: list[Person]
    enrolled: dict[str, dt.datetime] = field(default_factory=dict)
    decided: dict[tuple[str, str], tuple[str, dt.datetime]] = field(default_factory=dict)
    written: set[tuple[str, str]] = field(default_factory=set)
    sent: set[tuple[str, str]] = field(default_factory=set)

    def run(self, run: Run) -> None:
        """Enroll who left a cart for an hour, decide what came due, write it, and deliver it at once.

        What a run that died has not done is left to the next regular one.
        """
        for one in self.people:
            if run.stages >= 2 and one.cart_at <= run.as_of - HOUR and not _has_ordered(one, run.as_of):
                self.enrolled.setdefault(one.name, run.as_of)
            if one.name in self.enrolled and run.stages >= 4:
                self._decide(one, run)
            if run.stages >= 5:
                self._send(one, run)

    def _decide(self, one: Person, run: Run) -> None:
        for step in STEPS:
            has_ended = _has_ordered(one, run.as_of)
            if (one.name, step) not in self.decided and (has_ended or self._due_at(one, step) <= run.as_of):
                is_stale = run.at > self._due_at(one, step) + LATENESS
                reason = "converted" if has_ended else "stale" if is_stale else "eligible"
                self.decided[one.name, step] = (reason, run.as_of)

    def _send(self, one: Person, run: Run) -> None:
        """A mail goes once, unless it is stale by now or its recipient has ordered by now."""
        for step in STEPS:
            mail = (one.name, step)
            if mail in self.decided and self.decided[mail][0] == "eligible" and mail not in self.written:
                self.written.add(mail)
                if run.at <= self._due_at(one, step) + LATENESS and not _has_ordered(one, run.at):
                    self.sent.add(mail)

    def _due_at(self, one: Person, step: str) -> dt.datetime:
        return self.enrolled[one.name] + STEPS[step]


def _has_ordered(one: Person, by: dt.datetime) -> bool:
    return one.ordered_at is not None and one.cart_at < one.ordered_at <= by


quarters = st.integers(0, 32).map(lambda number: NOON + number * 15 * MINUTE)
people = st.lists(st.tuples(quarters, st.none() | quarters), min_size=8, max_size=12)


@st.composite
def histories(draw: st.DrawFn) -> list[Run]:
    """Regular runs at some of the hours, soon after them or waiting for a while, and other runs between.

    A regular run may die.
    """
    ticks = draw(st.sets(st.integers(1, 12), min_size=2, max_size=4))
    delay = st.sampled_from([1, 2, 20, 50])
    stages = st.sampled_from([6, 6, 1, 2, 3, 4])
    regular = [
        Run(NOON + tick * HOUR + draw(delay) * MINUTE, NOON + tick * HOUR, is_regular=True, stages=draw(stages))
        for tick in ticks
    ]
    others = [_other(draw, regular) for _ in range(draw(st.integers(4, 7)))]
    return sorted([*regular, *others], key=lambda run: (run.at, run.is_regular))


def _other(draw: st.DrawFn, regular: list[Run]) -> Run:
    """A run at any minute that is for a moment planned before, for one that is too old, or for one to come."""
    at = NOON + draw(st.integers(0, 15 * 60)) * MINUTE
    begun = [run.as_of for run in regular if run.at < at]
    done = [run.as_of for run in regular if run.at < at and run.stages >= len(STAGES)]
    kinds = ["late", "late", "future", *(["repeated", "backward", "backward"] if done else [])]
    kind = draw(st.sampled_from(kinds))
    minutes = draw(st.sampled_from([1, 7, 60, 61, 130, 1500]))
    as_of = {
        "late": at - LATENESS - minutes * MINUTE,
        "future": at + 5 * MINUTE + minutes * MINUTE,
        "repeated": max(done, default=at),
        "backward": max(begun, default=at) - minutes * MINUTE,
    }[kind]
    return Run(at, as_of, stages=draw(st.integers(1, len(STAGES) + 1)))


class _Provider:
    """A provider that accepts every mail."""

    def __init__(self, _settings: Settings) -> None: ...

    def __enter__(self) -> _Provider:
        return self

    def __exit__(self, *_: object) -> None: ...

    def send(self, _request: Any, _answer_by: float) -> Accepted:
        return Accepted("request")


@pytest.fixture
def shop(
    warehouse: Engine, warehouse_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """An installation with the cart campaign in two steps, without cap, hours and holdout; every mail is accepted."""
    monkeypatch.setattr(worker, "Provider", _Provider)
    (tmp_path / "campaigns").mkdir()
    campaign = yaml.safe_load((INCLUDE / "campaigns" / f"{CART}.yaml").read_text())
    del campaign["send_window"], campaign["on_end"]
    campaign |= {"holdout": 0, "max_lateness_hours": LATENESS / HOUR, "exit_on": ["order"], "steps": [
        {"step": step, "after_hours": hours / HOUR, "template": f"{CART}/{step}"} for step, hours in STEPS.items()
    ]}  # fmt: skip
    (tmp_path / "campaigns" / f"{CART}.yaml").write_text(yaml.safe_dump(campaign))
    topics = yaml.safe_load((INCLUDE / "topics.yaml").read_text())
    for topic in topics["topics"].values():
        topic.pop("cap", None)
        topic.pop("quiet_hours", None)
    (tmp_path / "topics.yaml").write_text(yaml.safe_dump(topics))
    system = open_installation(
        Settings(
            database_url=warehouse_url, mode="simulate", campaigns_dir=tmp_path / "campaigns",
            topics_file=tmp_path / "topics.yaml", sendgrid_base_url="http://127.0.0.1:9", sendgrid_api_key="SG.x",
        )
    )  # fmt: skip
    yield system
    system.engine.dispose()


class Shop:
    """The warehouse of an example: facts come when they happen, runs and deliveries when they are due."""

    def __init__(self, system: Installation, warehouse: Engine, found: list[Person]) -> None:
        self.system, self.warehouse, self.people = system, warehouse, found
        self.known: set[tuple[str, str]] = set()
        empty(warehouse)
        with warehouse.begin() as connection:
            self.load_id = load(connection)
            for one in found:
                customer(connection, one.name, timezone="UTC", country="GB", load_id=self.load_id)

    def go(self, run: Run) -> None:
        """Let the facts up to the run come, do it, and deliver a moment later."""
        self._load(run.at)
        if run.is_future:
            assert self._is_refused(run), "a run for a moment to come was planned"
        elif run.stages > len(STAGES):
            self.system.plan(CART, run.as_of, run.at)
        else:
            for stage in STAGES[: run.stages]:
                getattr(self.system, stage)(CART, run.as_of, run.at)
        self.system.deliver(lambda: run.at, "worker")

    def _is_refused(self, run: Run) -> bool:
        try:
            self.system.plan(CART, run.as_of, run.at)
        except FutureRefused:
            return True
        return False

    def _load(self, until: dt.datetime) -> None:
        with self.warehouse.begin() as connection:
            for one in self.people:
                if one.cart_at <= until and self._is_news(one.name, "cart"):
                    insert(
                        connection, "source.cart", cart_id=f"cart-{one.name}", customer_id=one.name, status="open",
                        created_at=one.cart_at, updated_at=one.cart_at, load_id=self.load_id,
                    )  # fmt: skip
                    insert(
                        connection, "source.cart_line", cart_id=f"cart-{one.name}", product_id="p1", quantity=1,
                        unit_price=2, load_id=self.load_id,
                    )  # fmt: skip
                if one.ordered_at is not None and one.ordered_at <= until and self._is_news(one.name, "order"):
                    insert(
                        connection, "source.orders", order_id=f"order-{one.name}", customer_id=one.name, total=2,
                        ordered_at=one.ordered_at, currency="EUR", load_id=self.load_id,
                    )  # fmt: skip

    def _is_news(self, name: str, fact: str) -> bool:
        is_news = (name, fact) not in self.known
        self.known.add((name, fact))
        return is_news

    def found(self, query: str) -> set[tuple[Any, ...]]:
        with self.warehouse.connect() as connection:
            return set(rows(connection, query))


def check(system: Installation, warehouse: Engine, facts: list[tuple[Any, Any]], history: list[Run]) -> None:
    """Live through the history, and compare what was enrolled, decided and sent with the rules."""
    found = [Person(f"p{number}", *fact) for number, fact in enumerate(facts)]
    shop, expected = Shop(system, warehouse, found), Expected(found)
    for run in history:
        shop.go(run)
        if run.is_regular:
            expected.run(run)
    assert shop.found("select customer_id, step from message.message where state = 'accepted'") == expected.sent
    assert shop.found("select customer_id, enrolled_at from journey.enrollment") == set(expected.enrolled.items())
    decided = {(*step, *decision) for step, decision in expected.decided.items()}
    assert shop.found("select customer_id, step, reason, as_of from decision.decision") == decided
    segment = "select distinct entered_at from segment.membership where left_at is null"
    assert {at for (at,) in shop.found(segment)} <= {run.as_of for run in history if run.is_regular}


@given(facts=people, history=histories())
@settings(max_examples=10, phases=[Phase.generate])  # an example that fails is long to make smaller
def test_the_regular_runs_send_what_they_would_have_sent_alone(
    shop: Installation, warehouse: Engine, facts: list[tuple[Any, Any]], history: list[Run]
) -> None:
    """Short form: ten histories of up to four regular runs and seven others, each with up to twelve people."""
    check(shop, warehouse, facts, history)


@pytest.mark.long
@pytest.mark.timeout(3000)
@given(facts=people, history=histories())
@settings(max_examples=200)
def test_in_long_the_regular_runs_send_what_they_would_have_sent_alone(
    shop: Installation, warehouse: Engine, facts: list[tuple[Any, Any]], history: list[Run]
) -> None:
    """Long form: the same for two hundred histories."""
    check(shop, warehouse, facts, history)
