"""When steps are due: after another mail, around a moment, on a date, at an hour of the recipient's clock."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, message_id_of, order, rows
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.database import run
from lifecycle_mail.decisions import decide
from lifecycle_mail.journeys import advance, enroll, publish
from lifecycle_mail.messages import write_messages
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.settings import INCLUDE
from planning import BRAND, campaign_of, decided, member, members, plan, topic_of

HOUR = timedelta(hours=1)
FIRST = {"step": "reminder", "after_hours": 0, "template": "cart_abandoned/reminder"}
DOUBTS = {"step": "doubts", "template": "cart_abandoned/doubts"}
LAST = {"step": "incentive", "template": "cart_abandoned/doubts"}


def with_steps(*steps: dict[str, Any], **changes: Any) -> Campaign:
    return campaign_of(steps=list(steps), **changes)


def accept(engine: Engine, at: datetime, state: str = "accepted") -> None:
    """Let the provider have taken every planned mail at `at`."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set state = %s, accepted_at = %s where state = 'planned'",
            (state, at if state == "accepted" else None),
        )


def opened(engine: Engine, name: str, step: str, at: datetime) -> None:
    """A person opened the mail of a step."""
    with engine.begin() as connection:
        query = "select enrollment_id from journey.enrollment where customer_id = :name"
        series = rows(connection, query, name=name)[0][0]
        insert(
            connection, "event.engagement", enrollment_id=series, step=step, campaign="cart_abandoned",
            customer_id=name, message_id=message_id_of(connection, series, step), batch_id=1,
            first_event_at=at, first_open_at=at,
        )  # fmt: skip


def ledger(engine: Engine) -> set[tuple[Any, ...]]:
    """(customer, step, hours after noon at which it was due, reason) of every decision."""
    with engine.connect() as connection:
        found = rows(connection, "select customer_id, step, due_at, reason from decision.decision")
    return {(who, step, (due - NOON) / HOUR, reason) for who, step, due, reason in found}


def test_after_counts_from_the_moment_the_mail_was_taken(warehouse: Engine) -> None:
    """The step is not due while the mail before it is in flight, and then so many hours after it was taken; a second
    run of the same moment changes nothing."""
    campaign = with_steps(FIRST, {**DOUBTS, "after": {"step": "reminder", "hours": 5}})
    members(warehouse, "ann")
    for hours in (0, 1, 2):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    accept(warehouse, NOON + 2.5 * HOUR)
    for hours in (3, 7, 7, 8, 8):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    assert ledger(warehouse) == {("ann", "reminder", 0, "eligible"), ("ann", "doubts", 7.5, "eligible")}


def test_after_of_a_held_out_series_counts_from_its_decision(warehouse: Engine) -> None:
    """The held-out arm goes the same way as the mailed one."""
    campaign = with_steps(FIRST, {**DOUBTS, "after": {"step": "reminder", "hours": 5}}, holdout=1.0)
    members(warehouse, "ann")
    for hours in (0, 4, 5, 6):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    assert ledger(warehouse) == {("ann", "reminder", 0, "held_out"), ("ann", "doubts", 5, "held_out")}
    assert ends(warehouse) == {("ann", "completed")}


@pytest.mark.parametrize("state", ["rejected", "cancelled", "abandoned"])
def test_after_a_mail_that_never_goes_is_told(warehouse: Engine, state: str) -> None:
    """Each later step of the chain is named, and the series comes to its end."""
    campaign = with_steps(
        FIRST,
        {**DOUBTS, "after": {"step": "reminder", "hours": 5}},
        {**LAST, "after": {"step": "doubts", "hours": 5}},
    )
    members(warehouse, "ann")
    plan(warehouse, campaign, topic_of())
    accept(warehouse, NOON, state)
    for hours in (1, 2, 3):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    assert ledger(warehouse) == {
        ("ann", "reminder", 0, "eligible"),
        ("ann", "doubts", 1, "base_not_sent"),
        ("ann", "incentive", 2, "base_not_sent"),
    }
    assert ends(warehouse) == {("ann", "completed")}


def test_a_branch_not_taken_has_no_mail_after_it(warehouse: Engine) -> None:
    """A skipped step is never taken by the provider, so what follows it does not come."""
    campaign = with_steps(
        FIRST,
        {**DOUBTS, "after_hours": 1, "when": {"bought": True}},
        {**LAST, "after": {"step": "doubts", "hours": 5}},
    )
    members(warehouse, "ann")
    for hours in (0, 1, 2):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    assert {(step, reason) for _, step, _, reason in ledger(warehouse)} == {
        ("reminder", "eligible"), ("doubts", "branch_not_taken"), ("incentive", "base_not_sent"),
    }  # fmt: skip


def ends(engine: Engine) -> set[tuple[Any, ...]]:
    with engine.connect() as connection:
        return set(rows(connection, "select customer_id, end_reason from journey.enrollment"))


def booked(engine: Engine, name: str, context: dict[str, Any], **columns: Any) -> None:
    with engine.begin() as connection:
        customer(connection, name, **columns)
        member(connection, name, f"cart-{name}", context=context)


def test_at_stands_around_a_moment_of_the_context(warehouse: Engine) -> None:
    """Hours before or after it; a date begins at the recipient's midnight; a moment that is absent or unreadable is
    told at once, and a moment too long ago is stale."""
    campaign = with_steps({**DOUBTS, "at": {"moment": "starts_at", "hours": -24}})
    noon = NOON.date().isoformat()
    tomorrow = (NOON + 24 * HOUR).date().isoformat()
    booked(warehouse, "time", {"starts_at": f"{tomorrow}T15:00:00+00:00"})
    booked(warehouse, "offset", {"starts_at": f"{tomorrow}T15:00:00+02:00"})
    booked(warehouse, "date", {"starts_at": (NOON + 48 * HOUR).date().isoformat()}, timezone="America/New_York")
    booked(warehouse, "absent", {"ends_at": noon})
    booked(warehouse, "odd", {"starts_at": "2026-02-31T10:00:00Z"})
    booked(warehouse, "words", {"starts_at": "next week"})
    booked(warehouse, "past", {"starts_at": f"{noon}T15:00:00+00:00"})
    for hours in range(20):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    assert ledger(warehouse) == {
        ("time", "doubts", 3, "eligible"),
        ("offset", "doubts", 1, "eligible"),
        ("date", "doubts", 17, "eligible"),
        ("absent", "doubts", 0, "moment_unknown"),
        ("odd", "doubts", 0, "moment_unknown"),
        ("words", "doubts", 0, "moment_unknown"),
        ("past", "doubts", -21, "stale"),
    }


def test_at_follows_the_context_that_is_taken_over(warehouse: Engine) -> None:
    """A booking that is moved to an earlier hour moves the step, once a mail of the series went."""
    campaign = with_steps(FIRST, {**DOUBTS, "at": {"moment": "starts_at", "hours": -2}})
    day = (NOON + 24 * HOUR).date().isoformat()
    context = {"cart_id": "cart-ann", "starts_at": f"{day}T20:00:00+00:00"}
    booked(warehouse, "ann", context)
    plan(warehouse, campaign, topic_of())
    accept(warehouse, NOON)
    plan(warehouse, campaign, topic_of(), NOON + HOUR)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update segment.membership set left_at = %s", (NOON + HOUR,))
        moved = {**context, "starts_at": f"{day}T10:00:00+00:00"}
        member(connection, "ann", "cart-ann-2", NOON + 2 * HOUR, context=moved)
    for hours in (2, 19, 20):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    assert ledger(warehouse) == {("ann", "reminder", 0, "eligible"), ("ann", "doubts", 20, "eligible")}


def test_on_is_the_recipients_date(warehouse: Engine) -> None:
    """The first date that is not past when the series begins, from the recipient's midnight on. If all are past, that
    is told, and nothing is sent late."""
    noon = NOON.date()
    days = [noon - timedelta(days=2), noon, noon + timedelta(days=1)]
    campaign = with_steps(
        {**DOUBTS, "on": [days[2]], "send_at": "09:00"}, {**LAST, "on": [days[0]]}, max_lateness_hours=6
    )
    members(warehouse, "utc", timezone="UTC")
    members(warehouse, "tokyo", timezone="Asia/Tokyo")
    members(warehouse, "honolulu", timezone="Pacific/Honolulu")
    for hours in range(34):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    assert {(who, step, reason) for who, step, _, reason in ledger(warehouse)} == {
        (who, step, reason)
        for who in ("tokyo", "utc", "honolulu")
        for step, reason in (("doubts", "eligible"), ("incentive", "date_past"))
    }
    assert {(who, hours) for who, step, hours, _ in ledger(warehouse) if step == "doubts"} == {
        ("tokyo", 12), ("utc", 21), ("honolulu", 31),
    }  # fmt: skip


SEND_AT = [
    ("Europe/Berlin", "2026-03-28T09:30:00Z", "10:00", "2026-03-29T08:00:00Z"),  # over the change to summer time
    ("Europe/Berlin", "2026-03-28T08:59:00Z", "10:00", "2026-03-28T09:00:00Z"),
    ("Europe/Berlin", "2026-03-28T09:00:00Z", "10:00", "2026-03-28T09:00:00Z"),
    ("Europe/Berlin", "2026-10-24T08:30:00Z", "10:00", "2026-10-25T09:00:00Z"),  # and back
    ("Europe/Berlin", "2026-10-24T22:00:00Z", "02:30", "2026-10-25T00:30:00Z"),  # shown twice: the first
    ("Europe/Berlin", "2026-10-25T00:45:00Z", "02:30", "2026-10-25T01:30:00Z"),  # the first is past
    ("Europe/Berlin", "2026-10-25T01:45:00Z", "02:30", "2026-10-26T01:30:00Z"),
    ("Europe/Berlin", "2026-03-28T23:00:00Z", "02:30", "2026-03-29T01:30:00Z"),  # skipped: shown as 03:30
    ("Australia/Lord_Howe", "2026-04-04T00:00:00Z", "10:00", "2026-04-04T23:30:00Z"),  # half an hour
    ("Pacific/Kiritimati", "2026-06-01T00:00:00Z", "00:00", "2026-06-01T10:00:00Z"),
    ("Asia/Kathmandu", "2026-06-01T00:00:00Z", "10:00", "2026-06-01T04:15:00Z"),
    ("America/New_York", "2026-11-01T14:59:00Z", "10:00", "2026-11-01T15:00:00Z"),
]


def test_send_at_is_the_next_such_time_of_the_recipients_clock(warehouse: Engine) -> None:
    """Over both changes of the clock, and in zones of odd offsets."""
    with warehouse.connect() as connection:
        found = [
            rows(connection, f"select journey.at_local('{after}', '{zone}', '{time}')")[0][0]
            for zone, after, time, _ in SEND_AT
        ]
    assert [moment.astimezone(UTC) for moment in found] == [datetime.fromisoformat(right) for *_, right in SEND_AT]


def test_send_at_moves_each_kind_of_moment(warehouse: Engine) -> None:
    """A step of fixed hours, and one after another mail, wait for the hour; of several zones the first tells."""
    campaign = with_steps(
        {**FIRST, "send_at": "15:00"},
        {**DOUBTS, "after": {"step": "reminder", "hours": 1}, "send_at": "15:00"},
    )
    members(warehouse, "ann", timezone="UTC")
    plan(warehouse, campaign, topic_of())
    plan(warehouse, campaign, topic_of(), NOON + 3 * HOUR)
    accept(warehouse, NOON + 3 * HOUR)
    for hours in (4, 5, 26, 27, 28):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    assert ledger(warehouse) == {("ann", "reminder", 3, "eligible"), ("ann", "doubts", 27, "eligible")}


def test_steps_come_due_in_the_order_of_their_moments(warehouse: Engine) -> None:
    """A step further down in the file may be due first; each is noted once."""
    day = (NOON + 24 * HOUR).date().isoformat()
    campaign = with_steps(
        {**FIRST, "after_hours": 8}, {**DOUBTS, "at": {"moment": "starts_at", "hours": -20}}
    )
    booked(warehouse, "ann", {"starts_at": f"{day}T12:00:00+00:00"})
    for hours in range(10):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    assert ledger(warehouse) == {("ann", "doubts", 4, "eligible"), ("ann", "reminder", 8, "eligible")}


def test_an_exit_ends_what_is_not_known_yet(warehouse: Engine) -> None:
    """A step that waits for a mail in flight is decided with the reason of the end."""
    campaign = with_steps(FIRST, {**DOUBTS, "after": {"step": "reminder", "hours": 5}})
    members(warehouse, "ann")
    plan(warehouse, campaign, topic_of())
    with warehouse.begin() as connection:
        order(connection, "o1", "ann", NOON + HOUR)
    plan(warehouse, campaign, topic_of(), NOON + 2 * HOUR)
    assert ledger(warehouse) == {("ann", "reminder", 0, "eligible"), ("ann", "doubts", 2, "converted")}


def test_a_run_that_was_killed_is_made_good(warehouse: Engine) -> None:
    """A run that died after it noted the steps leaves nothing out and tells nothing twice."""
    campaign = with_steps(FIRST, {**DOUBTS, "after": {"step": "reminder", "hours": 5}})
    members(warehouse, "ann")
    publish(warehouse, campaign, topic_of())
    enroll(warehouse, campaign, NOON)  # killed here
    plan(warehouse, campaign, topic_of(), NOON + HOUR)
    accept(warehouse, NOON + HOUR)
    advance(warehouse, campaign, NOON + 6 * HOUR)  # and here
    plan(warehouse, campaign, topic_of(), NOON + 7 * HOUR)
    assert ledger(warehouse) == {("ann", "reminder", 0, "eligible"), ("ann", "doubts", 6, "eligible")}


CHANGES = {
    "longer": ([{**DOUBTS, "after": {"step": "reminder", "hours": 9}}], {("doubts", 9, "eligible")}),
    "shorter, and past": ([{**DOUBTS, "after": {"step": "reminder", "hours": 1}}], {("doubts", 1, "added_later")}),
    "shorter, and since the last run": (
        [{**DOUBTS, "after": {"step": "reminder", "hours": 2.5}}], {("doubts", 2.5, "eligible")},
    ),
    "fixed hours instead": ([{**DOUBTS, "after_hours": 4}], {("doubts", 4, "eligible")}),
    "fixed hours that are past": ([{**DOUBTS, "after_hours": 1}], {("doubts", 1, "added_later")}),
    "taken out": ([], {("doubts", 3, "step_gone")}),
    "another step beside it": (
        [{**DOUBTS, "after": {"step": "reminder", "hours": 5}}, {**LAST, "after": {"step": "reminder", "hours": 1}}],
        {("doubts", 5, "eligible"), ("incentive", 1, "added_later")},
    ),
    "after the other step instead": (
        [{**LAST, "after_hours": 3}, {**DOUBTS, "after": {"step": "incentive", "hours": 0}}],
        {("incentive", 3, "eligible"), ("doubts", 3, "eligible")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_moves_what_is_ahead(warehouse: Engine, change: str) -> None:
    """As with fixed hours: what is ahead moves, what passed at the last run is added_later, what passed since is due,
    and a step taken out is step_gone."""
    before = with_steps(FIRST, {**DOUBTS, "after": {"step": "reminder", "hours": 5}})
    steps, expected = CHANGES[change]
    after = with_steps(FIRST, *steps)
    members(warehouse, "ann")
    plan(warehouse, before, topic_of())
    accept(warehouse, NOON)
    plan(warehouse, before, topic_of(), NOON + 2 * HOUR)
    for hours in (3, 4, 5, 6, 9):
        plan(warehouse, after, topic_of(), NOON + hours * HOUR)
        accept(warehouse, NOON + hours * HOUR)
    assert {row[1:] for row in ledger(warehouse)} == {("reminder", 0, "eligible"), *expected}


def test_a_campaign_of_fixed_hours_gets_a_moment(warehouse: Engine) -> None:
    """A running series of fixed steps follows a file that says `after` of the step ahead."""
    before = with_steps(FIRST, {**DOUBTS, "after_hours": 23})
    after = with_steps(FIRST, {**DOUBTS, "after": {"step": "reminder", "hours": 4}})
    members(warehouse, "ann")
    plan(warehouse, before, topic_of())
    accept(warehouse, NOON + HOUR)
    for hours in (2, 5):
        plan(warehouse, after, topic_of(), NOON + hours * HOUR)
    assert ledger(warehouse) == {("ann", "reminder", 0, "eligible"), ("ann", "doubts", 5, "eligible")}


def test_fixed_hours_ask_none_of_this(warehouse: Engine) -> None:
    """A campaign of fixed hours keeps its statements: nothing of it is looked at before its step is due."""
    campaign = with_steps(FIRST, {**DOUBTS, "after_hours": 23})
    members(warehouse, "ann")
    plan(warehouse, campaign, topic_of())
    with warehouse.connect() as connection:
        upcoming = rows(connection, "select step, due_at from journey.upcoming")
        known = run(connection, "journeys/steps_known", campaign="cart_abandoned").all()
    assert upcoming == [("doubts", NOON + 23 * HOUR)]
    assert {(row.step, row.due) for row in known} == {("reminder", None), ("doubts", None)}
    assert decided(warehouse) == {("ann", "reminder", "send", "eligible")}


def test_a_mail_that_goes_again_has_its_second_subject(warehouse: Engine, tmp_path: Path) -> None:
    """`resend` goes to those whom the first mail was sent to and who did not open it; its subject is the second one of
    the same template, also in the mail that is rebuilt."""
    shutil.copytree(INCLUDE / "templates", tmp_path / "templates")
    second = tmp_path / "templates" / "cart_abandoned" / "reminder" / "subject_again.txt"
    second.write_text("Still there?\n", encoding="utf-8")
    campaign = campaign_of(steps=[FIRST, {"step": "again", "resend": {"of": "reminder", "after_hours": 4}}])
    members(warehouse, "ann", "eve")
    library = TemplateLibrary(tmp_path / "templates")
    for hours in (0, 1, 5, 6):
        as_of = NOON + hours * HOUR
        publish(warehouse, campaign, topic_of())
        enroll(warehouse, campaign, as_of)
        advance(warehouse, campaign, as_of)
        decide(warehouse, campaign, topic_of(), as_of, as_of)
        write_messages(warehouse, campaign, topic_of(), library, BRAND, as_of)
        accept(warehouse, NOON + HOUR)
        if hours == 1:
            opened(warehouse, "eve", "reminder", NOON + 2 * HOUR)
    assert ledger(warehouse) == {
        ("ann", "reminder", 0, "eligible"), ("eve", "reminder", 0, "eligible"),
        ("ann", "again", 5, "eligible"), ("eve", "again", 5, "branch_not_taken"),
    }  # fmt: skip
    with warehouse.connect() as connection:
        shells = rows(connection, "select step, subject, is_again from message.shell")
    assert {(step, is_again) for step, _, is_again in shells} == {("reminder", False), ("again", True)}
    assert {subject for step, subject, _ in shells if step == "again"} == {"Still there?"}
