"""Statements that look a person up ask for what an index holds, and no table is read through for one person.

The planner is told to read through a table only if it has no other way, because the tables of a test are small.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import NOON, ensure_month, rows
from lifecycle_mail.database import SQL_FOLDER, run, run_given, statement
from lifecycle_mail.decisions import answers, rules
from lifecycle_mail.journeys import enroll, exit_of, publish
from lifecycle_mail.kpis.timeline import HAPPENINGS
from lifecycle_mail.messages import states
from lifecycle_mail.sendgrid.event_words import KEPT_KEYS
from lifecycle_mail.words import EXITS as EXIT_WORDS
from lifecycle_mail.words import words_of
from planning import campaign_of, members, plan, topic_of

LAST_ACTIVITY = "select segment.last_activity_at('ann', cast(:noon as timestamptz))"
EXITS = f"""
with series as not materialized (
    select
        1 as enrollment_id, 'ann' as customer_id, cast('{{}}' as jsonb) as context,
        cast(:noon as timestamptz) as occurred_at, cast(:noon as timestamptz) as enrolled_at
)
{statement("journeys/exits/activity").text}
"""


@pytest.fixture
def by_index(warehouse: Engine) -> Iterator[Connection]:
    """A connection that reads through a table only if it must; raw events and decisions have a month."""
    with warehouse.begin() as connection:
        ensure_month(connection, "event.event", NOON)
        ensure_month(connection, "decision.decision", NOON)
        # The index of a new month is built by reading it; that is not to be counted.
        connection.exec_driver_sql("select pg_stat_force_next_flush()")
    with warehouse.begin() as connection:
        connection.exec_driver_sql("set local enable_seqscan = off")
        yield connection


def read_through(connection: Connection) -> set[str]:
    """Tables that statements of this transaction read from begin to end."""
    query = "select relid::regclass::text from pg_stat_xact_user_tables where seq_scan > 0"
    return {name for (name,) in rows(connection, query)}


@pytest.mark.parametrize("query", [LAST_ACTIVITY, EXITS])
def test_a_customer_s_opens_and_clicks_are_found_by_index(by_index: Connection, query: str) -> None:
    """The index holds opened and clicked mails alone. The statements ask for no other mails, or they could not use
    it."""
    by_index.execute(sa.text(query), {"noon": NOON}).all()
    assert not {name for name in read_through(by_index) if name.startswith("event.")}


def scans(connection: Connection, name: str, **parameters: Any) -> dict[str, set[str]]:
    """How a statement would look each table up: by index conditions ('' if by none)."""
    text = sa.text(f"explain (format json, verbose) {statement(name).text}")
    (plan,) = connection.execute(text, parameters).scalar_one()
    found: dict[str, set[str]] = {}
    nodes = [plan["Plan"]]
    for node in nodes:
        below = node.get("Plans", [])
        nodes += below
        if "Relation Name" in node and node["Node Type"] != "ModifyTable":
            is_bitmap = node["Node Type"] == "Bitmap Heap Scan"  # its child has the condition
            conditions = [one.get("Index Cond", "") for one in (below if is_bitmap else [node])]
            table = _of_the_parent(f"{node['Schema']}.{node['Alias']}")
            found.setdefault(table, set()).update(map(_of_the_parent, conditions))
    return found


def _of_the_parent(text: str) -> str:
    """Leave out the numbers that the planner gives the parts of a table, and a table that is read again."""
    return re.sub(r"_[0-9]+\b", "", text)


def test_an_erased_address_is_found_by_index(by_index: Connection) -> None:
    """Raw events are the largest table there is, and are not read through for one person."""
    whose = {"customer_id": "ann", "address": "ann@example.com", "kept_keys": list(KEPT_KEYS)}
    found = scans(by_index, "events/erase_events", **whose)
    assert "(event.address = 'ann@example.com'::text)" in found["event.event"]
    assert all("" not in conditions for conditions in found.values()), found


def test_what_fills_a_customer_s_day_is_found_by_index(warehouse: Engine, by_index: Connection) -> None:
    """Deciding few steps looks each one's decisions up by customer, and its mails by those."""
    members(warehouse, *(f"c{number}" for number in range(2_000)))
    plan(warehouse, campaign_of(), topic_of())
    members(warehouse, "ann", "bob", "eve", "joe")
    enroll(warehouse, campaign_of(), NOON)
    with warehouse.begin() as connection:
        upto = rows(connection, "select max(step_due_id) from journey.step_due")[0][0]
        connection.exec_driver_sql("analyze")
    rule = rules._rules(campaign_of(), topic_of(cap={"mails": 1}))
    given = {"now": NOON, "lane": 0, "later_than": upto - 4, "upto": upto, **rule}
    for table in ("due", "hours", "unmet"):
        run_given(by_index, f"decisions/create_{table}", given)
        by_index.exec_driver_sql(f"analyze {table}")
    bound = {key: given[key] for key in statement("decisions/create_places").compile().params}
    found = scans(by_index, "decisions/create_places", **bound)
    assert found["decision.decision"] == {"(decision.customer_id = due.customer_id)"}
    assert {condition.partition(" = ")[0] for condition in found["message.message"]} == {"((message.enrollment_id"}


@pytest.mark.parametrize("name", ["messages/erase_slots", "kpis/happenings/mail"])
def test_a_person_s_mails_are_found_by_index(by_index: Connection, name: str) -> None:
    """By the person's enrollments: mails have no index by customer."""
    found = scans(by_index, name, customer_id="ann")
    assert found["message.message"] == {"(message.enrollment_id = enrollment.enrollment_id)"}
    assert all("" not in conditions for conditions in found.values()), found


@pytest.mark.parametrize("name", sorted(file.stem for file in (SQL_FOLDER / HAPPENINGS).glob("*.sql")))
def test_what_happened_to_a_person_is_found_by_index(by_index: Connection, name: str) -> None:
    """Every kind of happening: nothing is read through for one person."""
    found = scans(by_index, f"{HAPPENINGS}/{name}", customer_id="ann")
    assert found
    assert all("" not in conditions for conditions in found.values()), found


def test_what_holds_for_a_person_is_found_by_index(warehouse: Engine, by_index: Connection) -> None:
    """The exit words, the steps that wait and the planned mails of one person among two thousand."""
    members(warehouse, *(f"c{number}" for number in range(2_000)))
    every_word = campaign_of(exit_on=list(words_of(EXIT_WORDS)))
    publish(warehouse, every_word, topic_of())
    enroll(warehouse, every_word, NOON)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("analyze")
    exit_of(by_index, every_word, "c7", NOON)
    answers(by_index, every_word, topic_of(cap={"mails": 1}), "c7", NOON)
    for name in ("kpis/running_series", "delivery/planned_of_customer"):
        run(by_index, name, customer_id="c7").all()
    small = {"journey.campaign", "installation.zone_basis"}  # one row per campaign, and one row
    assert {name for name in read_through(by_index) if "." in name} <= small


@pytest.mark.parametrize("states", [states.UNSETTLED, states.ACCEPTABLE])
def test_the_mails_of_an_answer_are_found_by_index(by_index: Connection, states: tuple[str, ...]) -> None:
    """By their attempt: its index holds these states alone, and a statement that asks for one more state could not use
    it."""
    given = {"state": "accepted", "reason": None, "at": NOON, "only_steps": None, "keys_wanted": True}
    found = scans(by_index, "messages/settle", attempt_id=7, from_states=list(states), **given)
    assert found == {"message.message": {"(message.attempt_id = '7'::bigint)"}}


def test_mails_that_a_late_answer_ends_are_found_by_index(by_index: Connection) -> None:
    """By their own keys: planned again, they are in no index by attempt."""
    given = {"attempt_id": 7, "enrollment_ids": [1, 2], "steps": ["a", "a"], "at": NOON}
    found = scans(by_index, "messages/accept_replanned", **given)
    assert all("enrollment_id" in condition for condition in found["message.message"]), found


def test_the_mails_of_a_claim_are_found_by_index_if_probes_are_asked_for(warehouse: Engine) -> None:
    """A thousand of two thousand mails: left alone, the planner would read all mails, however many there are."""
    members(warehouse, *(f"c{number}" for number in range(2_000)))
    plan(warehouse, campaign_of(), topic_of())
    with warehouse.begin() as connection:
        connection.exec_driver_sql("analyze")
        listed = rows(connection, "select enrollment_id from message.message limit 1000")
        keys = {"enrollment_ids": [one for (one,) in listed], "steps": ["reminder"] * 1000}
        hours = dict.fromkeys(("window_opens", "window_closes", "quiet_begins", "quiet_ends"), "00:00")
        full = {"addresses": ["x"] * 1000, "zones": ["UTC"] * 1000, "moments": [NOON] * 1000, **hours}
        asked = (("delivery/release", {}, "journey.enrollment"), ("delivery/next_period", full, "message.message"))
        assert scans(connection, "delivery/next_period", **keys, **full)["message.message"] == {""}
        run(connection, "delivery/probe_plans")
        found = [scans(connection, name, **keys, **also)[table] for name, also, table in asked]
    assert found == [
        {"(enrollment.enrollment_id = given.enrollment_id)"},
        {"((message.enrollment_id = mail.enrollment_id) AND (message.step = mail.step))"},
    ]
