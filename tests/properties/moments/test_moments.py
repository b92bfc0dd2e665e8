"""Moments: whatever a campaign's steps count from, no mail goes twice, too early, after the end, or at night.

A history is four people in four zones, around a change of the clock; a campaign whose steps count from the enrollment,
another mail, a moment, a date or the end; and runs with claims, orders, opens and words against mail between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from builders import customer, insert, message_id_of, order, rows
from emptied import empty
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.delivery.claims import claim_in
from lifecycle_mail.delivery.picking import Batch
from lifecycle_mail.delivery.work import ClaimSetup, shells_with_work
from lifecycle_mail.settings import Settings
from planning import CART_CONTEXT, LIBRARY, TOPICS, campaign_of, member, plan, topic_of

HOUR = timedelta(hours=1)
PEOPLE = {
    "ann": "Europe/Berlin", "bob": "America/New_York", "cid": "Asia/Kathmandu", "dee": "Pacific/Auckland",
}  # fmt: skip
BEGINNINGS = [datetime(2026, *day, 12, tzinfo=UTC) for day in ((3, 7), (3, 28), (10, 24), (10, 31))]
"""The noon before a change of the clock: in New York, in Berlin, in Berlin back, in New York back."""
OPENS, CLOSES = time(8), time(21)
TEMPLATE = "cart_abandoned/doubts"
ANSWERED = "update message.message set state = :state, accepted_at = :now where state = 'claimed'"

second = st.sampled_from(
    [
        {"after": {"step": "first", "hours": 5}},
        {"after": {"step": "first", "hours": 5}, "send_at": "10:00"},
        {"at": {"moment": "starts_at", "hours": -24}},
        {"after_hours": 20, "send_at": "02:30"},
        {"on": "tomorrow", "send_at": "09:00"},
    ]
)
who = st.sampled_from(sorted(PEOPLE))
happening = st.one_of(
    st.tuples(st.just("run")),
    st.tuples(st.just("run")),
    st.tuples(st.sampled_from(["buys", "opens", "leaves"]), who),
    st.tuples(st.just("refused")),
)
Happening = tuple[str, ...]


@dataclass
class Life:
    """One history, lived in a warehouse. `mails`: who, step and when of each mail that was taken."""

    warehouse: Engine
    begins: datetime
    second: dict[str, Any]
    now: datetime = field(init=False)
    mails: list[tuple[str, str, datetime]] = field(default_factory=list)
    bought: dict[str, datetime] = field(default_factory=dict)
    left: dict[str, datetime] = field(default_factory=dict)

    def begin(self) -> None:
        self.now = self.begins
        empty(self.warehouse)
        starts = {"starts_at": (self.begins + 40 * HOUR).isoformat()}
        with self.warehouse.begin() as connection:
            for name, zone in PEOPLE.items():
                customer(connection, name, timezone=zone)
                context = {**CART_CONTEXT, "cart_id": f"cart-{name}", **starts}
                member(connection, name, f"cart-{name}", self.begins, context=context)

    @property
    def campaign(self) -> Campaign:
        told = {**self.second}
        if told.get("on") == "tomorrow":
            told["on"] = (self.begins + 24 * HOUR).date()
        branch = {"after": {"step": "first", "hours": 12}, "template": TEMPLATE}
        return campaign_of(
            send_window={"from": f"{OPENS:%H:%M}", "to": f"{CLOSES:%H:%M}"}, max_lateness_hours=400,
            steps=[
                {"step": "first", "after_hours": 0, "template": TEMPLATE},
                {"step": "second", "template": TEMPLATE, **told},
                {"step": "yes", "when": {"opened": "first"}, **branch},
                {"step": "no", "unless": {"opened": "first"}, **branch},
            ],
            on_end={"converted": {"step": "thanks", "after_hours": 3, "template": TEMPLATE}},
        )  # fmt: skip

    def do(self, what: str, *given: str) -> None:
        self.now += 4 * HOUR
        getattr(self, what)(*given)

    def run(self, state: str = "accepted") -> None:
        """Plan, claim, and let the provider answer."""
        plan(self.warehouse, self.campaign, topic_of(), self.now)
        url = self.warehouse.url.render_as_string(hide_password=False)
        topics = TOPICS | {"reminders": topic_of()}
        setup = ClaimSetup(Settings(database_url=url, mode="simulate"), topics, LIBRARY, "test")
        with self.warehouse.begin() as connection:
            whose = dict(rows(connection, "select enrollment_id, customer_id from journey.enrollment"))
            for work in shells_with_work(connection, setup, self.now)[0]:
                attempt = claim_in(connection, setup, Batch(work, self.now)).attempt
                for mail in attempt.mails if attempt else ():
                    self.goes(whose[mail.key.enrollment_id], work.step)
            connection.execute(sa.text(ANSWERED), {"state": state, "now": self.now})

    def refused(self) -> None:
        self.run("rejected")

    def goes(self, name: str, step: str) -> None:
        """What must hold of a mail that goes now."""
        local = self.now.astimezone(ZoneInfo(PEOPLE[name])).time()
        assert OPENS <= local < CLOSES, f"{step} goes to {name} at {local}"
        assert (name, step) not in {mail[:2] for mail in self.mails}, f"{step} goes to {name} twice"
        assert name not in self.left, f"{step} goes to {name} after a word against mail"
        assert (step == "thanks") == (name in self.bought), f"{step} goes to {name}, bought: {name in self.bought}"
        since = next((at for who, one, at in self.mails if (who, one) == (name, "first")), None)
        hours = {"yes": 12, "no": 12, "second": self.second.get("after", {}).get("hours")}.get(step)
        assert hours is None or (since and self.now >= since + hours * HOUR), f"{step} goes to {name} too early"
        self.mails.append((name, step, self.now))

    def buys(self, name: str) -> None:
        with self.warehouse.begin() as connection:
            order(connection, f"{name}-{self.now:%d%H}", name, self.now)
        if self.is_running(name):
            self.bought.setdefault(name, self.now)

    def is_running(self, name: str) -> bool:
        query = "select 1 from journey.enrollment where customer_id = :name and ended_at is null"
        with self.warehouse.connect() as connection:
            return bool(rows(connection, query, name=name))

    def leaves(self, name: str) -> None:
        if name not in self.left:
            self.left[name] = self.now
            with self.warehouse.begin() as connection:
                insert(
                    connection, "event.suppression", address=f"{name}@example.com", scope="all",
                    reason="hard_bounce", source="event", suppressed_at=self.now,
                )  # fmt: skip

    def opens(self, name: str) -> None:
        if (name, "first") not in {mail[:2] for mail in self.mails}:
            return
        with self.warehouse.begin() as connection:
            query = "select enrollment_id from journey.enrollment where customer_id = :name"
            series = rows(connection, query, name=name)[0][0]
            known = rows(connection, "select 1 from event.engagement where enrollment_id = :series", series=series)
            if not known:
                insert(
                    connection, "event.engagement", enrollment_id=series, step="first", campaign="cart_abandoned",
                    customer_id=name, message_id=message_id_of(connection, series, "first"), batch_id=1,
                    first_event_at=self.now, first_open_at=self.now,
                )  # fmt: skip

    def end(self) -> None:
        """Let everything come to its end; every step of each series has one decision then, and each end its mail."""
        for _ in range(12):
            self.now += 3 * HOUR
            self.do("run")
        with self.warehouse.connect() as connection:
            told = rows(connection, "select customer_id, step from decision.decision")
            ended = rows(connection, "select customer_id, end_reason from journey.enrollment")
        counts = Counter(told)
        assert set(counts.values()) <= {1}, "a step was decided twice"
        steps = {(name, step) for name in PEOPLE for step in ("first", "second", "yes", "no")}
        assert {key for key in counts if key[1] != "thanks"} == steps, "a step has no decision"
        thanked = {name for name, reason in ended if reason == "converted"}
        assert {name for name, step in counts if step == "thanks"} == thanked, "an end has no decision, or no end has"
        assert thanked - set(self.left) <= {name for name, step, _ in self.mails if step == "thanks"}, "no thanks went"
        both = {(name, "yes") for name, step, _ in self.mails if step == "no"} & {mail[:2] for mail in self.mails}
        assert both == set(), "both branches were taken"


def live(warehouse: Engine, begins: datetime, told: dict[str, Any], history: Iterable[Happening]) -> Life:
    life = Life(warehouse, begins, told)
    life.begin()
    life.run()
    for what, *rest in history:
        life.do(what, *rest)
    life.end()
    return life


def hold_pause(warehouse: Engine, begins: datetime, told: dict[str, Any], runs: int, paused: int) -> None:
    """The same people, once with a run every four hours, and once with a pause that the lateness allows."""
    sent = []
    for is_paused in (False, True):
        life = Life(warehouse, begins, told)
        life.begin()
        life.run()
        for place in range(runs + paused):
            if is_paused and place < paused:
                life.now += 4 * HOUR
            else:
                life.do("run")
        life.end()
        sent.append({mail[:2] for mail in life.mails})
    assert sent[0] == sent[1], "a pause changes what is sent"


RUN = ("run",)
AFTER, AT = {"after": {"step": "first", "hours": 5}}, {"at": {"moment": "starts_at", "hours": -24}}
BUSY = [RUN, ("opens", "ann"), RUN, ("buys", "bob"), RUN, ("buys", "bob"), RUN, ("leaves", "cid"), ("buys", "ann"), RUN]


@settings(max_examples=1, phases=[Phase.explicit, Phase.generate])
@given(begins=st.sampled_from(BEGINNINGS), told=second, history=st.lists(happening, min_size=4, max_size=8))
@example(begins=BEGINNINGS[1], told=AFTER, history=BUSY)
@example(begins=BEGINNINGS[3], told=AT, history=[RUN, ("refused",), *BUSY])
def test_mails_keep_their_moments(
    warehouse: Engine, begins: datetime, told: dict[str, Any], history: list[Happening]
) -> None:
    """The short form."""
    live(warehouse, begins, told, history)


def test_a_pause_changes_nothing(warehouse: Engine) -> None:
    """For one campaign alone, within the lateness allowed: the same mails go."""
    hold_pause(warehouse, BEGINNINGS[1], AFTER, runs=3, paused=6)


@pytest.mark.long
@pytest.mark.timeout(3000)
@settings(max_examples=150, phases=[Phase.explicit, Phase.generate], derandomize=False)
@given(begins=st.sampled_from(BEGINNINGS), told=second, history=st.lists(happening, min_size=4, max_size=20))
def test_mails_keep_their_moments_in_full(
    warehouse: Engine, begins: datetime, told: dict[str, Any], history: list[Happening]
) -> None:
    """The long form: longer histories, many of them."""
    live(warehouse, begins, told, history)


@pytest.mark.long
@pytest.mark.timeout(3000)
@settings(max_examples=40, phases=[Phase.explicit, Phase.generate], derandomize=False)
@given(
    begins=st.sampled_from(BEGINNINGS), told=second,
    runs=st.integers(0, 6), paused=st.integers(1, 12),
)  # fmt: skip
def test_a_pause_changes_nothing_in_full(
    warehouse: Engine, begins: datetime, told: dict[str, Any], runs: int, paused: int
) -> None:
    """Any moment of the clock's change, any pause of up to two days."""
    hold_pause(warehouse, begins, told, runs, paused)
