"""Campaigns that change while people are in them: every step of every series ends in exactly one named outcome.

Between two runs the file gets other steps, hours and shares, campaign and topic get another name, the file goes and
comes back, and a run dies after any of its parts. What becomes of each series, step and mail is what the rules say in
words (`series_by_the_rules`). At the end the file stays as it is, or the campaign is retired: then nothing is open.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from series_by_the_rules import File, Person, World
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, load, order, rows
from emptied import empty
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import INCLUDE, Settings

HOUR = timedelta(hours=1)
HOLDOUT = 0.3
FAR = 500.0
PARTS = ("enroll", "advance", "decide", "write_messages")
SHARES = ({}, {"one": 0.5, "other": 0.5}, {"one": 0.9, "other": 0.1}, {"third": 1.0})


@dataclass(frozen=True)
class Turn:
    """One run: the file it finds, what was renamed before it, and after how many of its four parts it dies."""

    hours: float
    file: File
    is_renamed: bool
    has_new_topic: bool
    is_gone: bool
    parts: int


moments = st.sampled_from([0.0, 5.0, 10.0, 20.0, 40.0])
files = st.builds(
    File, st.dictionaries(st.sampled_from("abcd"), moments, min_size=1), st.sampled_from(SHARES)
)
rarely = st.sampled_from([False, False, False, True])
turns = st.builds(
    Turn, st.sampled_from([1.0, 6.0, 11.0, 30.0]), files, rarely, rarely, rarely, st.sampled_from([4, 4, 4, 1, 2, 3])
)
orders = st.sampled_from([None, None, None, 12.0, 25.0])
people = st.lists(st.tuples(st.sampled_from([0.0, 3.0, 9.0]), orders), min_size=5, max_size=5)


class Office:
    """An installation whose files change."""

    def __init__(self, url: str, warehouse: Engine, folder: Path) -> None:
        self.url, self.warehouse, self.folder = url, warehouse, folder
        self.campaigns, self.templates = folder / "campaigns", folder / "templates"
        self.names = ["first"]
        self.topics = ["reminders"]

    def begin(self, found: list[Person]) -> None:
        """An empty warehouse with these people and their carts."""
        empty(self.warehouse)
        self.names, self.topics = ["first"], ["reminders"]
        shutil.rmtree(self.campaigns, ignore_errors=True)
        self.campaigns.mkdir()
        with self.warehouse.begin() as connection:
            connection.exec_driver_sql("truncate installation.campaign, installation.topic")
            loaded = load(connection)
            for one in found:
                at = NOON + (one.cart - 1) * HOUR  # idle for an hour
                customer(connection, one.name, load_id=loaded)
                insert(
                    connection, "source.cart", cart_id=one.name, customer_id=one.name, created_at=at, updated_at=at,
                    status="open", load_id=loaded,
                )  # fmt: skip
                insert(
                    connection, "source.cart_line", cart_id=one.name, product_id="p", quantity=1, unit_price=1,
                    load_id=loaded,
                )  # fmt: skip
                if one.order is not None:
                    order(connection, f"o-{one.name}", one.name, NOON + one.order * HOUR, load_id=loaded)

    def write(self, file: File) -> None:
        """The files as they are for the next run."""
        for path in self.campaigns.glob("*.yaml"):
            path.unlink()
        steps = [
            {"step": step, "after_hours": file.steps[step], "template": "t/m", "variants": file.shares}
            for step in file.in_order
        ]
        said = {
            "campaign": self.names[-1], "renamed_from": self.names[:-1], "owner": "x", "description": "x",
            "schedule": "0 * * * *", "segment": {"name": "cart_abandoned", "max_age_days": 30},
            "topic": self.topics[-1],
            "goal": {"event": "order", "within_days": 5}, "exit_on": ["order"], "holdout": HOLDOUT,
            "reenter_after_days": 0, "max_lateness_hours": 9999, "steps": steps,
        }  # fmt: skip
        (self.campaigns / f"{self.names[-1]}.yaml").write_text(json.dumps(said))
        topic = {"description": "x", "sender": {"name": "S", "email": "s@example.com"}}
        topics = {"topics": {self.topics[-1]: {**topic, "renamed_from": self.topics[:-1]}}}
        (self.folder / "topics.yaml").write_text(json.dumps(topics))

    def opened(self) -> Installation:
        return open_installation(
            Settings(
                database_url=self.url, campaigns_dir=self.campaigns, topics_file=self.folder / "topics.yaml",
                templates_dir=self.templates,
            )
        )  # fmt: skip

    def run(self, now: float, parts: int) -> None:
        system, at = self.opened(), NOON + now * HOUR
        system.refresh_segment(self.names[-1], at, at)
        for part in PARTS[:parts]:
            getattr(system, part)(self.names[-1], at, at)
        system.engine.dispose()
        if parts == len(PARTS):
            with self.warehouse.begin() as connection:
                connection.exec_driver_sql(
                    "update message.message set state = 'accepted', accepted_at = planned_at where state = 'planned'"
                )

    def take_away(self) -> None:
        for path in self.campaigns.glob("*.yaml"):
            path.unlink()

    def found(self, query: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connect() as connection:
            return rows(connection, query)


@pytest.fixture
def office(warehouse_url: str, warehouse: Engine, tmp_path: Path) -> Office:
    """One warehouse for all examples, and templates of one line."""
    template = tmp_path / "templates" / "t" / "m"
    template.mkdir(parents=True)
    shutil.copytree(INCLUDE / "templates" / "translations", tmp_path / "templates" / "translations")
    column = "<mj-column><mj-text>{{ brand.name }}</mj-text></mj-column>"
    body = f"<mjml><mj-body><mj-section>{column}</mj-section></mj-body></mjml>"
    for name, text in {
        "subject.txt": "A word\n", "preheader.txt": "A line\n", "body.mjml": body, "body.txt": "{{ brand.name }}\n",
        "sample.json": json.dumps({"variants": [{"variant": None, "offer": None}], "context": {}}),
    }.items():  # fmt: skip
        (template / name).write_text(text)
    return Office(warehouse_url, warehouse, tmp_path)


def require_told(office: Office, world: World) -> None:
    """Every series, decision and mail is what the rules say, under the present name; nothing has two outcomes."""
    series = office.found("select customer_id, is_holdout, end_reason, campaign from journey.enrollment")
    told = [(name, one.is_holdout, one.end, office.names[-1]) for name, one in world.series.items()]
    assert sorted(series, key=str) == sorted(told, key=str)
    decisions = office.found("select customer_id, step, variant, reason, campaign from decision.decision")
    assert sorted(decisions, key=str) == sorted(
        [
            (name, step, "holdout" if one.is_holdout else noted.arm, noted.reason, office.names[-1])
            for name, one in world.series.items()
            for step, noted in one.noted.items()
            if noted.reason is not None
        ],
        key=str,
    )
    mails = office.found("select customer_id, step, variant, state, reason, campaign from message.message")
    assert sorted(mails, key=str) == sorted(
        [
            (name, step, noted.arm, *noted.mail, office.names[-1])
            for name, one in world.series.items()
            for step, noted in one.noted.items()
            if noted.mail is not None
        ],
        key=str,
    )


def require_nothing_open(world: World) -> None:
    """No series runs, and each step that one had has its reason."""
    for one in world.series.values():
        assert one.end is not None
        assert {step for step, noted in one.noted.items() if noted.reason} >= one.had


def hold(office: Office, found: list[tuple[float, float | None]], history: list[Turn], is_retired: bool) -> None:
    """Live through a history, and compare after each run."""
    persons = [Person(f"p{number}", cart, at) for number, (cart, at) in enumerate(found)]
    world, now = World(tuple(persons), "first", HOLDOUT), 0.0
    office.begin(persons)
    for turn in history:
        now += turn.hours
        if turn.is_renamed:
            office.names.append(f"name{len(office.names)}")
        if turn.has_new_topic:
            office.topics.append(f"topic{len(office.topics)}")
        office.write(turn.file)
        if turn.is_gone:
            office.opened().engine.dispose()  # what was renamed is known before the file goes
            office.take_away()
            system = office.opened()
            lost = system.lost_campaigns()
            system.engine.dispose()
            assert [line.split()[1] for line in lost] == ([office.names[-1]] if world.series else [])
        else:
            office.run(now, turn.parts)
            world.run(turn.file, now, turn.parts)
        require_told(office, world)
    finish(office, world, history[-1].file, is_retired)


def finish(office: Office, world: World, file: File, is_retired: bool) -> None:
    """The file stays as it is until everything is through, or the campaign is retired."""
    published = office.found("select campaign from journey.campaign")
    office.write(file)
    if is_retired and published:
        system = office.opened()
        system.retire(office.names[-1], "x", NOON + FAR * HOUR)
        system.engine.dispose()
        world.retire(world_file(office, file), FAR)
    else:
        for at in (FAR, FAR + 50, FAR + 51):
            office.run(at, 4)
            world.run(file, at, 4)
    require_told(office, world)
    require_nothing_open(world)


def world_file(office: Office, file: File) -> File:
    """The file as it was last published: the arms of what is left are dealt by it."""
    ((definition,),) = office.found("select definition from journey.campaign")
    shares = {step["step"]: step.get("variants", {}) for step in definition["steps"]}
    return File(file.steps, next(iter(shares.values()), {}))


EVEN = {"one": 0.5, "other": 0.5}
FIVE = [(0.0, None), (0.0, None), (3.0, None), (9.0, 25.0), (9.0, None)]
# A renaming, a step that comes too late, one that is lost before its hour, and one that is lost before its mail.
EVENTFUL = [
    Turn(1.0, File({"a": 0.0, "b": 20.0, "c": 40.0}, EVEN), False, False, False, 4),
    Turn(11.0, File({"a": 0.0, "b": 20.0, "c": 40.0}, EVEN), True, True, False, 4),
    Turn(6.0, File({"a": 0.0, "b": 20.0, "c": 40.0, "d": 5.0}, EVEN), False, False, True, 4),
    Turn(1.0, File({"a": 0.0, "b": 18.0, "c": 40.0, "d": 5.0}, EVEN), False, False, False, 3),
    Turn(1.0, File({"a": 0.0, "c": 40.0}, EVEN), False, False, False, 4),
]
# A smaller example of a fault costs minutes of databases.
PHASES = (Phase.explicit, Phase.generate)


@settings(max_examples=6, phases=PHASES)
@given(found=people, history=st.lists(turns, min_size=2, max_size=4), is_retired=rarely)
@example(found=FIVE, history=EVENTFUL, is_retired=False)
@example(found=FIVE, history=EVENTFUL[:-1], is_retired=True)
def test_every_step_has_one_outcome(
    office: Office, found: list[tuple[float, float | None]], history: list[Turn], is_retired: bool
) -> None:
    """The short form."""
    hold(office, found, history, is_retired)


@pytest.mark.long
@pytest.mark.timeout(3000)
@settings(max_examples=300, phases=PHASES)
@given(found=people, history=st.lists(turns, min_size=1, max_size=7), is_retired=rarely)
def test_every_step_has_one_outcome_in_full(
    office: Office, found: list[tuple[float, float | None]], history: list[Turn], is_retired: bool
) -> None:
    """The long form: longer histories, hundreds of them."""
    hold(office, found, history, is_retired)
