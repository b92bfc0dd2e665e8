"""Fates: every occurrence that a campaign looks at has exactly one, none is lost, and none is mailed twice.

A history is people for whom things fall due, who buy them again or leave the segment; runs of a campaign that
supersedes, joins or waits; and claims whose mails are taken, come back, or stay without an answer. What must hold after
each run is told in words below, from the history and from what the mails named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, load, order, rows
from emptied import empty
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.delivery.claims import claim_in
from lifecycle_mail.delivery.picking import Batch
from lifecycle_mail.delivery.work import ClaimSetup, shells_with_work
from lifecycle_mail.settings import Settings
from planning import LIBRARY, TOPICS, campaign_of, member, plan, topic_of

HOUR = timedelta(hours=1)
PEOPLE, THINGS = ("ann", "bob"), ("tea", "coffee")
FATES = {
    "supersede": {"enrolled", "superseded", "taken_over", "waiting", "missed"},
    "join": {"enrolled", "joined", "superseded", "waiting", "missed"},
    "wait": {"enrolled", "waiting", "missed"},
}
"""The fates that there are, by what the campaign says of a newer occurrence."""
NEXT = {
    "enrolled": {"enrolled", "superseded"},
    "joined": {"joined", "superseded"},
    "taken_over": {"taken_over"},
    "superseded": {"superseded"},
    "missed": {"missed"},
}
"""What a fate may become; of an occurrence that waits, anything may become."""

ANSWERED = """
update message.message
set state = :becomes, accepted_at = case when :becomes = 'accepted' then cast(:now as timestamptz) end
where state = 'claimed' and claimed_at <= :now and (claimed_at = :now or :becomes = 'accepted')
"""
"""An answer settles what was claimed now, and an accepted one what had no answer before."""

who, thing = st.sampled_from(PEOPLE), st.sampled_from(THINGS)
event = st.one_of(
    st.tuples(st.just("occurs"), who, thing),
    st.tuples(st.just("occurs"), who, thing),
    st.tuples(st.just("plan")),
    st.tuples(st.just("plan")),
    st.tuples(st.just("claim"), st.sampled_from(["accepted", "accepted", "planned", "claimed"])),
    st.tuples(st.just("buys"), who, thing),
    st.tuples(st.just("leaves"), who, thing),
)
rule = st.tuples(st.sampled_from(sorted(FATES)), st.sampled_from([0, 0, 1]), st.sampled_from([0.0, 0.0, 0.5]))


@dataclass
class Occurrence:
    """A thing that fell due; `mails` are the series and steps of the mails that named it and may have gone."""

    who: str
    thing: str
    at: datetime
    is_open: bool = True
    is_seen: bool = False
    bought_at: datetime | None = None
    mails: list[tuple[int, str]] = field(default_factory=list)
    fate: str = "waiting"


@dataclass(frozen=True)
class Told:
    """What the ledger says of an occurrence."""

    fate: str
    reason: str | None
    series: int | None
    ended_at: datetime | None


@dataclass
class Life:
    """One history, lived in a warehouse."""

    warehouse: Engine
    rule: tuple[str, int, float]
    now: datetime = NOON
    known: dict[str, Occurrence] = field(default_factory=dict)
    has_returned: bool = False

    def begin(self) -> None:
        empty(self.warehouse)
        with self.warehouse.begin() as connection:
            for name in PEOPLE:
                customer(connection, name)
            for name in THINGS:
                insert(
                    connection, "source.product", product_id=name, name=name, product_type=name,
                    load_id=load(connection),
                )  # fmt: skip

    @property
    def campaign(self) -> Campaign:
        newer, days, holdout = self.rule
        template = "replenishment/due_soon"
        return campaign_of(
            campaign="replenishment", segment={"name": "replenishment_due"}, newer_occurrence=newer,
            exit_on=["reordered"], holdout=holdout, reenter_after_days=days, max_lateness_hours=48,
            steps=[
                {"step": "first", "after_hours": 0, "template": template},
                {"step": "second", "after_hours": 5, "template": template},
            ],
            **({"join_ahead_days": 0} if newer == "join" else {}),
        )  # fmt: skip

    def do(self, what: str, *given: str) -> None:
        self.now += HOUR
        getattr(self, what)(*given)

    def occurs(self, name: str, product: str) -> None:
        key = f"Due{len(self.known):03d}"
        self.known[key] = Occurrence(name, product, self.now)
        context = {
            "product_id": product, "product_name": key, "product_type": product, "ordered_at": NOON.isoformat(),
            "quantity": 1, "runs_out_at": (self.now + 72 * HOUR).isoformat(), "url": None, "image_url": None,
            "basis": "declared",
        }  # fmt: skip
        with self.warehouse.begin() as connection:
            member(
                connection, name, key, self.now, segment="replenishment_due", occurred_at=self.now, context=context
            )

    def buys(self, name: str, product: str) -> None:
        with self.warehouse.begin() as connection:
            key = f"{name}-{product}-{self.now:%d%H}"
            order(connection, key, name, self.now)
            insert(
                connection, "source.order_line", order_id=key, line_no=1, product_id=product, quantity=1,
                unit_price=1, load_id=load(connection),
            )  # fmt: skip
        for one in self.known.values():
            if (one.who, one.thing) == (name, product):
                one.bought_at = one.bought_at or self.now

    def leaves(self, name: str, product: str) -> None:
        left = [key for key, one in self.known.items() if (one.who, one.thing) == (name, product) and one.is_open]
        with self.warehouse.begin() as connection:
            for key in left:
                self.known[key].is_open = False
                change = "update segment.membership set left_at = :now where occurrence = :key"
                connection.execute(sa.text(change), {"now": self.now, "key": key})

    def plan(self) -> None:
        plan(self.warehouse, self.campaign, topic_of(), self.now)
        for one in self.known.values():
            one.is_seen = one.is_seen or one.is_open
        require_fates(self)

    def claim(self, becomes: str) -> None:
        """Claim what may go; what the mails named counts as mailed, unless they surely came back."""
        url = self.warehouse.url.render_as_string(hide_password=False)
        topics = TOPICS | {"reminders": topic_of()}
        setup = ClaimSetup(Settings(database_url=url, mode="simulate"), topics, LIBRARY, "test")
        with self.warehouse.begin() as connection:
            for work in shells_with_work(connection, setup, self.now)[0]:
                attempt = claim_in(connection, setup, Batch(work, self.now)).attempt
                for mail in attempt.mails if attempt else ():
                    self._named(str(mail.substitutions()), mail.key.enrollment_id, work.step, becomes)
                    self.has_returned = self.has_returned or becomes == "planned"
            connection.execute(sa.text(ANSWERED), {"becomes": becomes, "now": self.now})

    def _named(self, text: str, series: int, step: str, becomes: str) -> None:
        for key in sorted(set(re.findall(r"Due\d{3}", text))):
            one = self.known[key]
            assert one.bought_at is None or one.bought_at > self.now, f"{key} was bought again, and is mailed about"
            if becomes != "planned":
                one.mails.append((series, step))

    def told(self) -> dict[str, Told]:
        query = "select occurrence, fate, reason, enrollment_id, ended_at from journey.occurrence_fate"
        with self.warehouse.connect() as connection:
            found = rows(connection, query)
        assert len(found) == len({row[0] for row in found}), "an occurrence has two fates"
        return {row[0]: Told(*row[1:]) for row in found}

    def series(self) -> dict[int, tuple[Any, ...]]:
        """Series → customer, occurrence it began with, whether held out, when it ended."""
        query = "select enrollment_id, customer_id, occurrence, is_holdout, ended_at from journey.enrollment"
        with self.warehouse.connect() as connection:
            return {row[0]: row[1:] for row in rows(connection, query)}


def require_fates(life: Life) -> None:
    """What holds after every run."""
    told, series = life.told(), life.series()
    assert set(told) == {key for key, one in life.known.items() if one.is_seen}, "an occurrence is lost, or made up"
    running = [row[0] for row in series.values() if row[3] is None]
    assert len(running) == len(set(running)), "a customer has two running series"
    for key, its in told.items():
        one = life.known[key]
        assert its.fate in FATES[life.rule[0]], (key, its)
        assert one.fate == "waiting" or its.fate in NEXT[one.fate], (key, one.fate, its)
        one.fate = its.fate
        require_one(one, its, series)
    require_no_idle_waiting(life, told, series)


def require_one(one: Occurrence, its: Told, series: dict[int, tuple[Any, ...]]) -> None:
    """A fate fits its occurrence, its series and its mails."""
    assert (its.fate in ("waiting", "missed")) == (its.series is None) == (its.reason is not None), its
    assert its.series is not None or one.is_open == (its.fate == "waiting"), its
    assert len(one.mails) == len(set(one.mails)), "mailed twice by one step"
    assert {number for number, _ in one.mails} <= {its.series}, "mailed about in another series"
    assert not (its.fate == "superseded" and one.mails), "superseded after a mail went"
    if its.series is not None:
        assert series[its.series][0] == one.who
        assert not series[its.series][2] or not one.mails, "held out, and mailed about"


def require_no_idle_waiting(life: Life, told: dict[str, Told], series: dict[int, tuple[Any, ...]]) -> None:
    """An occurrence waits for a series that runs, or for the days before re-entry, and not for one that it may end,
    join, or give its context."""
    runs = {row[0]: (number, life.known[row[1]]) for number, row in series.items() if row[3] is None}
    mailed = {number for one in life.known.values() for number, _ in one.mails}
    for key, its in told.items():
        one = life.known[key]
        if its.fate == "taken_over" and its.series is not None:
            assert life.known[series[its.series][1]].thing == one.thing, "took over the context of something else"
        if its.fate != "waiting":
            continue
        if its.reason == "reentered_too_soon":
            assert life.rule[1] > 0
            continue
        if one.who not in runs:  # it began in this run, about something that had been bought again by then
            ended = [row for row in series.values() if (row[0], row[3]) == (one.who, life.now)]
            assert ended, f"{key} waits for a series that does not run"
            continue
        number, begun_by = runs[one.who]
        newest = max((other for other in life.known.values() if other.who == one.who and other.is_open), key=_at)
        if number not in mailed and not series[number][2] and not life.has_returned:
            assert life.rule[0] != "join", f"{key} could join"
            assert life.rule[0] != "supersede" or one is not newest or begun_by.at >= one.at, f"{key} is newer"


def _at(one: Occurrence) -> datetime:
    return one.at


def require_an_end(life: Life) -> None:
    """All leave the segment, and time passes: no series runs, and what had one has ended."""
    for name in PEOPLE:
        for product in THINGS:
            life.leaves(name, product)
    for hours in (6, 30, 31):
        life.now += hours * HOUR
        life.plan()
        life.claim("accepted")
    life.plan()
    assert {row[3] is None for row in life.series().values()} <= {False}
    assert all((one.series is None) == (one.ended_at is None) for one in life.told().values())


def hold(warehouse: Engine, given_rule: tuple[str, int, float], history: list[tuple[str, ...]]) -> None:
    """Live through a history; `plan` and `claim` compare."""
    life = Life(warehouse, given_rule)
    life.begin()
    for what, *rest in history:
        life.do(what, *rest)
    life.do("plan")
    require_an_end(life)


def occurs(*things: str, name: str = "ann") -> list[tuple[str, ...]]:
    return [("occurs", name, one) for one in things]


RUN, SENT, BACK, LOST = ("plan",), ("claim", "accepted"), ("claim", "planned"), ("claim", "claimed")
# Before and after the first mail something newer falls due, of the same thing and of another.
NEWER = [*occurs("tea"), RUN, *occurs("tea"), RUN, SENT, *occurs("tea"), RUN, *occurs("coffee"), RUN, SENT, RUN]
# A mail without an answer, one that came back, and things that are bought again between a run and a claim.
BOUGHT = [*occurs("tea", "coffee"), RUN, ("buys", "ann", "tea"), BACK, *occurs("tea"), RUN, LOST]
BOUGHT += [*occurs("coffee"), RUN]


@settings(max_examples=5, phases=[Phase.explicit, Phase.generate])
@given(given_rule=rule, history=st.lists(event, min_size=6, max_size=9))
@example(given_rule=("supersede", 0, 0.0), history=NEWER)
@example(given_rule=("join", 0, 0.0), history=BOUGHT)
@example(given_rule=("wait", 1, 0.0), history=NEWER[:8])
def test_every_occurrence_has_one_fate(
    warehouse: Engine, given_rule: tuple[str, int, float], history: list[tuple[str, ...]]
) -> None:
    """The short form."""
    hold(warehouse, given_rule, history)


@pytest.mark.long
@pytest.mark.timeout(3000)
@settings(max_examples=300, phases=[Phase.explicit, Phase.generate], derandomize=False)
@given(given_rule=rule, history=st.lists(event, min_size=4, max_size=18))
def test_every_occurrence_has_one_fate_in_full(
    warehouse: Engine, given_rule: tuple[str, int, float], history: list[tuple[str, ...]]
) -> None:
    """The long form: longer histories, hundreds of them."""
    hold(warehouse, given_rule, history)
