"""Planning many rows in two transactions at once gives what one gives, also after a run that died between them."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import NOON, rows
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.database import statement
from lifecycle_mail.decisions import decide, rules
from lifecycle_mail.journeys import advance, enroll, publish, series
from lifecycle_mail.kpis import check, roll_up
from lifecycle_mail.messages import writing
from planning import THREE_STEPS, campaign_of, members, plan, states, topic_of

NAMES = tuple(f"c{number}" for number in range(40))
Row = tuple[Any, ...]


def in_parts(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    """Let ten rows be many, and give the planner's sample that says where the middle is."""
    monkeypatch.setattr(series, "MANY_ROWS", 10)
    monkeypatch.setattr(rules, "MANY_ROWS", 10)
    monkeypatch.setattr(writing, "MANY_ROWS", 10)
    with engine.begin() as connection:
        connection.exec_driver_sql("analyze segment.membership")


def enrolled(engine: Engine) -> set[Row]:
    query = """
        select
            customer_id, occurrence, end_reason, upcoming.position,
            (select array_agg(step order by step) from journey.step_due where step_due.enrollment_id = e.enrollment_id)
        from journey.enrollment as e left join journey.upcoming using (enrollment_id)
    """
    with engine.connect() as connection:
        return {(*row[:4], tuple(row[4] or ())) for row in rows(connection, query)}


def expected(*customer_ids: str) -> set[Row]:
    return {(name, f"cart-{name}", None, 1, ("reminder",)) for name in customer_ids}


def broken(monkeypatch: pytest.MonkeyPatch, module: Any, statement: str, **given: Any) -> None:
    """Let one statement fail where its parameters are `given`; the others run."""
    run = module.run

    def failing(connection: Any, name: str, /, **parameters: Any) -> Any:
        if name == statement and given.items() <= parameters.items():
            raise RuntimeError("the part died")
        return run(connection, name, **parameters)

    monkeypatch.setattr(module, "run", failing)


@pytest.fixture
def campaign() -> Campaign:
    return campaign_of(steps=THREE_STEPS)


def test_both_halves_of_a_segment_are_enrolled_and_mailed(
    warehouse: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each member has one series with its first step, and each step its mail; a second run changes nothing."""
    members(warehouse, *NAMES)
    in_parts(monkeypatch, warehouse)
    for _ in range(2):
        plan(warehouse, campaign, topic_of())
        assert enrolled(warehouse) == expected(*NAMES)
        assert states(warehouse) == {(name, "reminder", "planned", None) for name in NAMES}


def test_the_cut_lies_inside_a_large_segment(
    warehouse: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two ranges that meet at a member; one range for few members, or where nothing was sampled."""
    members(warehouse, *NAMES)
    ranges = lambda: series._customers(connection, series._segment_of(campaign))  # noqa: E731
    with warehouse.connect() as connection:
        assert ranges() == [(None, None)]
    in_parts(monkeypatch, warehouse)
    with warehouse.connect() as connection:
        (first, middle), (begins, last) = ranges()
    assert (first, last) == (None, None)
    assert middle == begins
    assert middle in sorted(NAMES)[15:25]


def nested_loops(monkeypatch: pytest.MonkeyPatch, without: str | None = None) -> set[str]:
    """Return the statements of enrolling that loop over enrollments, to be filled while it runs.

    `without`: a statement that is left out.
    """
    found: set[str] = set()
    run = series.run

    def explained(connection: Connection, name: str, /, **parameters: Any) -> Any:
        if name == without:
            return None
        if name in ("journeys/enroll", "journeys/supersede"):
            text = sa.text(f"explain {statement(name).text}")
            plan_lines = connection.execute(text, parameters).scalars().all()
            if any("Nested Loop Anti Join" in line for line in plan_lines):
                found.add(name)
        return run(connection, name, **parameters)

    monkeypatch.setattr(series, "run", explained)
    monkeypatch.setattr(series, "scalar", lambda *given, **named: explained(*given, **named).scalar_one())
    return found


@pytest.mark.parametrize("without", [None, "journeys/hash_plans"])
def test_no_part_loops_over_what_the_other_is_writing(
    warehouse: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, without: str | None
) -> None:
    """Enrollments were analyzed while there were none: a loop over them, for each member, took minutes of a million.

    Without the statement that forbids it both would, or this test could not fail.
    """
    members(warehouse, *(f"c{number}" for number in range(2_000)))
    in_parts(monkeypatch, warehouse)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("analyze journey.enrollment")
    found = nested_loops(monkeypatch, without)
    series.enroll(warehouse, campaign, NOON)
    assert found == (set() if without is None else {"journeys/enroll", "journeys/supersede"})
    assert len(enrolled(warehouse)) == 2_000


@pytest.mark.parametrize("dying", [0, 1])
def test_a_part_of_enrolling_that_died_is_made_up_for(
    warehouse: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, dying: int
) -> None:
    """What is left is whole series of the first half, or none; the next run of the same as_of enrolls the rest."""
    members(warehouse, *NAMES)
    in_parts(monkeypatch, warehouse)
    with warehouse.connect() as connection:
        parts = series._customers(connection, series._segment_of(campaign))
    middle = parts[0].customer_before
    with monkeypatch.context() as patch:
        broken(patch, series, "journeys/enroll", **parts[dying]._asdict())
        with pytest.raises(RuntimeError, match="the part died"):
            series.enroll(warehouse, campaign, NOON)
        assert enrolled(warehouse) == expected(*(name for name in NAMES if dying == 1 and name < middle))
    series.enroll(warehouse, campaign, NOON)
    assert enrolled(warehouse) == expected(*NAMES)


def test_a_part_that_dies_supersedes_nobody_it_does_not_enroll_anew(
    warehouse: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the older series and the begin of the newer are one transaction, in each part."""
    members(warehouse, *NAMES)
    series.enroll(warehouse, campaign, NOON)
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "update segment.membership set occurrence = 'cart-new', occurred_at = occurred_at + interval '1 hour'"
        )
    in_parts(monkeypatch, warehouse)
    with monkeypatch.context() as patch:
        with warehouse.connect() as connection:
            second = series._customers(connection, series._segment_of(campaign))[1]
        broken(patch, series, "journeys/enroll", **second._asdict())
        with pytest.raises(RuntimeError, match="the part died"):
            series.enroll(warehouse, campaign, NOON + timedelta(hours=1))
    ended = {row[0] for row in enrolled(warehouse) if row[2] == "superseded"}
    begun = {row[0] for row in enrolled(warehouse) if row[1] == "cart-new"}
    assert ended == begun == {name for name in NAMES if name < second.customer_from}


def noticed(engine: Engine, campaign: Campaign) -> None:
    """Bring members to where their first step waits for its decision."""
    publish(engine, campaign, topic_of())
    enroll(engine, campaign, NOON)
    advance(engine, campaign, NOON)


def half_decided(engine: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, dying: int) -> None:
    """Decide in halves of which one dies; the second half never stays alone."""
    with monkeypatch.context() as patch:
        broken(patch, rules, "decisions/decide", half=dying)
        with pytest.raises(RuntimeError, match="the part died"):
            decide(engine, campaign, topic_of(), NOON, NOON)


def decisions(engine: Engine) -> list[Row]:
    """(customer, half) of every decision, in order of customers; half 0 = an even enrollment_id."""
    with engine.connect() as connection:
        return rows(connection, "select customer_id, enrollment_id % 2 from decision.decision order by 1")


@pytest.mark.parametrize("dying", [0, 1])
@pytest.mark.parametrize("again_in_parts", [True, False])
def test_a_half_of_deciding_that_died_is_made_up_for(
    warehouse: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, dying: int, again_in_parts: bool
) -> None:
    """What the first half decided stays decided; the next run decides the rest and what came due since, once each."""
    members(warehouse, *NAMES[:30])
    in_parts(monkeypatch, warehouse)
    noticed(warehouse, campaign)
    half_decided(warehouse, campaign, monkeypatch, dying)
    left = decisions(warehouse)
    assert {half for _, half in left} == ({0} if dying == 1 else set())
    members(warehouse, *NAMES[30:])
    noticed(warehouse, campaign)
    if not again_in_parts:
        monkeypatch.setattr(rules, "MANY_ROWS", 1_000)
    counted = decide(warehouse, campaign, topic_of(), NOON, NOON)
    assert counted.steps == {("send", "eligible"): 40 - len(left)}
    assert [name for name, _ in decisions(warehouse)] == sorted(NAMES)
    assert decide(warehouse, campaign, topic_of(), NOON, NOON).steps == {}


def test_steps_already_decided_by_a_half_are_not_counted_as_due(
    warehouse: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a run that died between its halves, only the second half waits."""
    members(warehouse, *NAMES)
    in_parts(monkeypatch, warehouse)
    noticed(warehouse, campaign)
    half_decided(warehouse, campaign, monkeypatch, dying=1)
    assert advance(warehouse, campaign, NOON).steps_due == 40 - len(decisions(warehouse)) == 20


@pytest.mark.parametrize("counted", [True, False])
def test_few_steps_are_looked_up_among_many_series(
    warehouse: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, counted: bool
) -> None:
    """Three steps read three series, whatever there is; a planner not told that they are few reads all of them."""
    members(warehouse, *(f"c{number}" for number in range(2_000)))
    plan(warehouse, campaign, topic_of())
    members(warehouse, "x1", "x2", "x3")
    noticed(warehouse, campaign)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("analyze journey.enrollment, journey.step_due, source.customer")
    run, lines = rules.run, list[str]()

    def explained(connection: Any, name: str, /, **parameters: Any) -> Any:
        if name == "decisions/decide":
            parameters["room"] = parameters["room"] if counted else None
            text = sa.text(f"explain {statement(name).text}")
            lines.extend(connection.execute(text, parameters).scalars())
        return run(connection, name, **parameters)

    monkeypatch.setattr(rules, "run", explained)
    assert decide(warehouse, campaign, topic_of(), NOON, NOON).steps == {("send", "eligible"): 3}
    assert any("Seq Scan on enrollment" in line for line in lines) is not counted


def test_a_roll_up_between_the_halves_misses_no_decision(
    warehouse: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The half committed later may hold the lower numbers: the next roll-up still finds all of them."""
    members(warehouse, *NAMES)
    in_parts(monkeypatch, warehouse)
    noticed(warehouse, campaign)
    second_has_decided, rolled_up = threading.Event(), threading.Event()
    run = rules.run

    def held(connection: Any, name: str, /, **parameters: Any) -> Any:
        if parameters.get("half") == 0:
            assert second_has_decided.wait(20)
        result = run(connection, name, **parameters)
        if parameters.get("half") == 1:
            second_has_decided.set()
            assert rolled_up.wait(20)
        return result

    def roll() -> None:
        while not decisions(warehouse):
            time.sleep(0.05)
        roll_up(warehouse, reporting_zone="UTC", now=NOON)
        rolled_up.set()

    monkeypatch.setattr(rules, "run", held)
    roller = threading.Thread(target=roll)
    roller.start()
    decide(warehouse, campaign, topic_of(), NOON, NOON)
    roller.join(20)
    with warehouse.connect() as connection:
        known = {name for (name,) in rows(connection, "select customer_id from kpi.step_outcome")}
    assert known == {name for name, half in decisions(warehouse) if half == 0}
    roll_up(warehouse, reporting_zone="UTC", now=NOON)
    with warehouse.connect() as connection:
        assert {name for (name,) in rows(connection, "select customer_id from kpi.step_outcome")} == set(NAMES)
    assert check(warehouse) == []


@pytest.mark.parametrize("dying", [0, 1])
def test_a_half_of_writing_that_died_is_made_up_for(
    warehouse: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, dying: int
) -> None:
    """Mails of the first half stay as they are, none is there twice, and the next run writes what is missing."""
    members(warehouse, *NAMES)
    in_parts(monkeypatch, warehouse)
    with monkeypatch.context() as patch:
        broken(patch, writing, "messages/write", half=dying)
        with pytest.raises(RuntimeError, match="the part died"):
            plan(warehouse, campaign, topic_of())
    left = states(warehouse)
    assert bool(left) == (dying == 1)
    assert len(left) < len(NAMES)
    plan(warehouse, campaign, topic_of())
    with warehouse.connect() as connection:
        assert len(rows(connection, "select 1 from message.message")) == len(NAMES)
    assert states(warehouse) == {(name, "reminder", "planned", None) for name in NAMES}


def test_what_was_written_is_forgotten_by_nobody(
    warehouse: Engine, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that dies before it remembers writes the same mails again: also those sent meanwhile stay as they are."""
    members(warehouse, *NAMES)
    in_parts(monkeypatch, warehouse)
    with monkeypatch.context() as patch:
        broken(patch, writing, "messages/mark_written")
        with pytest.raises(RuntimeError, match="the part died"):
            plan(warehouse, campaign, topic_of())
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set state = 'accepted', accepted_at = now() where customer_id = 'c7'"
        )
    plan(warehouse, campaign, topic_of())
    assert states(warehouse) == {
        (name, "reminder", "accepted" if name == "c7" else "planned", None) for name in NAMES
    }


def test_a_decision_says_what_its_mail_takes_from_customer_and_snapshot(warehouse: Engine) -> None:
    """Local day, language and currency where there is a mail; nothing of it where there is none."""
    night = NOON.replace(hour=23)
    members(warehouse, "ann", timezone="Asia/Tokyo", locale="de-AT", currency="USD")
    members(warehouse, "bob", timezone="America/New_York")
    members(warehouse, "eve", permission="withdrawn")
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "update segment.membership set context = context - 'currency' where customer_id = 'ann'"
        )
    plan(warehouse, campaign_of(), topic_of(), night)
    with warehouse.connect() as connection:
        found = rows(connection, "select customer_id, cast(send_day as text), language, currency, outcome"
                                 " from decision.decision")  # fmt: skip
    assert set(found) == {
        ("ann", "2026-03-03", "de", "USD", "send"),
        ("bob", "2026-03-02", None, "EUR", "send"),
        ("eve", None, None, None, "skip"),
    }
