"""List hygiene: who stays silent to the end of a win-back gets no more mail, and no one else loses any."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Connection, Engine

from builders import NOON, campaign, customer, enrollment, insert, message, order, permission, rows
from lifecycle_mail.events import tidy
from lifecycle_mail.kpis import roll_up

DAY = timedelta(days=1)
BEGAN, LAST = NOON - 60 * DAY, NOON - 20 * DAY
SUNSET = {"on_end": {"completed": [{"sunset": {"days": 14}}]}}


def series(connection: Connection, name: str, **facts: Any) -> int:
    """A completed win-back of two months ago whose last mail was delivered twenty days ago, without a sign of life."""
    person = facts.pop("person", {})
    customer(connection, name, **person)
    permission(connection, name, "confirmed", person.get("permission_at", NOON - 400 * DAY))
    delivered_at, last = facts.pop("delivered_at", LAST), facts.pop("last", LAST)
    made = {"enrolled_at": BEGAN, "ended_at": last, "end_reason": "completed", **facts.pop("series", {})}
    enrollment_id = enrollment(connection, "win_back", name, **made)
    if not made.get("is_holdout"):
        message_id = message(connection, enrollment_id, "win_back", name, "final", planned_at=last)
        insert(
            connection, "event.engagement",
            enrollment_id=enrollment_id, step="final", message_id=message_id, campaign="win_back", customer_id=name,
            first_event_at=last, delivered_at=delivered_at, last_delivered_at=delivered_at, batch_id=0, **facts,
        )  # fmt: skip
    return enrollment_id


def covered(connection: Connection, mails: int = 20, heard: int = 20) -> None:
    """Other mails of the last weeks. Some have events."""
    campaign(connection, "news")
    for number in range(mails):
        customer(connection, f"n{number}")
        enrollment_id = enrollment(connection, "news", f"n{number}", enrolled_at=NOON - 10 * DAY)
        at = NOON - 10 * DAY
        message_id = message(connection, enrollment_id, "news", f"n{number}", planned_at=at)
        if number < heard:
            insert(
                connection, "event.engagement",
                enrollment_id=enrollment_id, step="reminder", message_id=message_id, campaign="news",
                customer_id=f"n{number}", first_event_at=at, batch_id=0,
            )  # fmt: skip


@pytest.fixture
def list_of_people(warehouse: Engine) -> Engine:
    """Silent people, and people who look silent."""
    with warehouse.begin() as connection:
        campaign(connection, "win_back", definition=SUNSET)
        campaign(connection, "other", definition={})
        covered(connection)
        series(connection, "ann")
        series(connection, "machine", first_machine_open_at=LAST + DAY)
        series(connection, "heldout", series={"is_holdout": True})
        series(connection, "young", last=NOON - 10 * DAY, delivered_at=NOON - 10 * DAY)
        series(connection, "lost", delivered_at=None)
        series(connection, "opened", first_open_at=LAST + DAY, last_open_at=LAST + DAY)
        series(connection, "doubtful", last_doubtful_click_at=LAST + DAY)
        series(connection, "bought")
        order(connection, "o1", "bought", LAST + DAY)
        series(connection, "ended", series={"end_reason": "activity"})
        series(connection, "asked_again", person={"permission_at": NOON - DAY})
        series(connection, "again")
        enrollment(connection, "win_back", "again", enrolled_at=NOON - DAY, ended_at=None, end_reason=None)
        series(connection, "quiet", person={"email": "Couple@example.com"})
        customer(connection, "lively", email="couple@example.com")
        order(connection, "o2", "lively", LAST + DAY)
        answered = series(connection, "answered")
        insert(
            connection, "event.survey_answer",
            enrollment_id=answered, survey="stay_or_go", answered_at=LAST + DAY, answer="stay", step="final",
            campaign="win_back", customer_id="answered", is_current=True, batch_id=0,
        )  # fmt: skip
    return warehouse


def sunset(engine: Engine) -> set[tuple[Any, ...]]:
    with engine.connect() as connection:
        return set(rows(connection, "select address, scope, source from event.suppression where reason = 'sunset'"))


def test_only_who_is_silent_for_good_gets_no_more_mail(list_of_people: Engine) -> None:
    """A machine's open is no sign of life; every other fact holds a sunset back, also of another one at the mailbox."""
    report = tidy(list_of_people, NOON)
    assert report.rested is None
    expected = {("ann@example.com", "all", "list_hygiene"), ("machine@example.com", "all", "list_hygiene")}
    assert sunset(list_of_people) == expected
    assert (report.measures["sunset_due"], report.measures["sunset"]) == (2, 2)
    assert (report.measures["mailboxes_of_several"], report.measures["customers_of_these"]) == (1, 2)
    again = tidy(list_of_people, NOON)
    assert (again.measures["sunset_due"], sunset(list_of_people)) == (0, expected)
    with list_of_people.connect() as connection:
        query = "select found from event.hygiene_run where measure = 'sunset'"
        assert rows(connection, query) == [(2,)]
        words = "select customer_id from event.word where reason = 'sunset' order by 1"
        assert rows(connection, words) == [("ann",), ("machine",)]


def test_a_sunset_is_a_leave_of_the_list(list_of_people: Engine) -> None:
    """The next incremental roll-up counts it as sunset, and as no other leave; a full one says the same."""
    roll_up(list_of_people, reporting_zone="UTC", now=NOON)
    tidy(list_of_people, NOON + DAY)
    for full in (False, True):
        roll_up(list_of_people, reporting_zone="UTC", now=NOON + 2 * DAY, full=full)
        with list_of_people.connect() as connection:
            query = "select sum(sunset), sum(unsubscribed), sum(withdrawn) from kpi.list_daily"
            assert rows(connection, query) == [(2, 0, 0)]


@pytest.mark.parametrize(("mails", "heard", "why"), [(10, 10, "only"), (200, 190, "% of the mails")])
def test_silence_is_not_believed_without_events(warehouse: Engine, mails: int, heard: int, why: str) -> None:
    """While too few mails have events, or too few mails could tell, no one is touched, and the run says so."""
    with warehouse.begin() as connection:
        campaign(connection, "win_back", definition=SUNSET)
        covered(connection, mails, heard)
        series(connection, "ann")
    report = tidy(warehouse, NOON)
    assert why in str(report.rested)
    assert sunset(warehouse) == set()
    assert (report.measures["sunset_due"], report.measures["sunset"]) == (1, 0)
