"""Decisions: each rule by its name, their order, and the hours of recipients around the globe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, rows
from lifecycle_mail.decisions import decide
from lifecycle_mail.journeys import advance, enroll, publish
from lifecycle_mail.messages import WriteCounts, write_messages
from planning import BRAND, LIBRARY, THREE_STEPS, campaign_of, decided, member, members, plan, states, topic_of

HOUR = timedelta(hours=1)
WINDOW = {"from": "08:00", "to": "21:00"}


def suppress(engine: Engine, name: str, scope: str = "all", reason: str = "unsubscribed", **columns: Any) -> None:
    with engine.begin() as connection:
        insert(
            connection, "event.suppression", address=f"{name}@example.com", scope=scope, reason=reason,
            source="event", **{"suppressed_at": NOON - HOUR, **columns},
        )  # fmt: skip


def timing(engine: Engine) -> dict[str, tuple[Any, ...]]:
    with engine.connect() as connection:
        found = rows(
            connection, "select customer_id, outcome, reason, until, not_before, expires_at from decision.decision"
        )
    return {row[0]: row[1:] for row in found}


@pytest.mark.parametrize("permission", ["none", "pending", "withdrawn"])
def test_only_confirmed_permission_is_mailed(warehouse: Engine, permission: str) -> None:
    """Marketing needs a confirmed permission."""
    members(warehouse, "ann", permission=permission)
    plan(warehouse, campaign_of(), topic_of())
    assert decided(warehouse) == {("ann", "reminder", "skip", "no_permission")}


def test_a_transactional_topic_may_accept_pending(warehouse: Engine) -> None:
    """Double opt-in writes to people whose permission is pending, even if they left the newsletter before that."""
    members(warehouse, "ann", "bob", "cat", permission="pending", permission_at=NOON)
    suppress(warehouse, "ann", reason="unsubscribed")
    suppress(warehouse, "cat", reason="unsubscribed", suppressed_at=NOON)
    suppress(warehouse, "bob", reason="hard_bounce")
    topic = topic_of(kind="transactional", permissions=["pending", "confirmed"])
    plan(warehouse, campaign_of(exit_on=[]), topic)
    assert decided(warehouse) == {
        ("ann", "reminder", "send", "eligible"), ("bob", "reminder", "skip", "suppressed"),
        ("cat", "reminder", "skip", "suppressed"),
    }  # fmt: skip


def test_suppression_by_scope(warehouse: Engine) -> None:
    """Everything, or this topic, stops the mail; another topic, or a lifted entry, does not."""
    members(warehouse, "all", "topic", "other", "lifted")
    suppress(warehouse, "all")
    suppress(warehouse, "topic", scope="topic:reminders")
    suppress(warehouse, "other", scope="topic:offers")
    suppress(warehouse, "lifted", lifted_at=NOON)
    plan(warehouse, campaign_of(), topic_of())
    assert {(who, reason) for who, _, _, reason in decided(warehouse)} == {
        ("all", "suppressed"), ("topic", "suppressed"), ("other", "eligible"), ("lifted", "eligible"),
    }  # fmt: skip


def test_unknown_customers_are_named(warehouse: Engine) -> None:
    """A member whose customer row never came is skipped by name, not lost."""
    with warehouse.begin() as connection:
        member(connection, "ghost")
    plan(warehouse, campaign_of(), topic_of())
    assert decided(warehouse) == {("ghost", "reminder", "skip", "unknown_customer")}


def test_quiet_hours_follow_the_recipients_zone(warehouse: Engine) -> None:
    """At one instant some people are mailed and others deferred to their own morning; their mail waits with
    not_before."""
    with warehouse.begin() as connection:
        for name, zone in (
            ("london", "Europe/London"), ("tokyo", "Asia/Tokyo"), ("honolulu", "Pacific/Honolulu"),
            ("nowhere", None), ("kathmandu", "Asia/Kathmandu"),
        ):  # fmt: skip
            customer(connection, name, timezone=zone)
            member(connection, name, f"cart-{name}", NOON)
    plan(warehouse, campaign_of(send_window=WINDOW, max_lateness_hours=24), topic_of())
    expires = NOON + timedelta(hours=24)
    honolulu = datetime(2026, 3, 2, 18, tzinfo=UTC)
    assert timing(warehouse) == {
        "london": ("send", "eligible", None, NOON, expires),
        "nowhere": ("send", "eligible", None, NOON, expires),
        "kathmandu": ("send", "eligible", None, NOON, expires),
        "tokyo": ("defer", "quiet_hours", datetime(2026, 3, 2, 23, tzinfo=UTC),
                  datetime(2026, 3, 2, 23, tzinfo=UTC), datetime(2026, 3, 3, 23, tzinfo=UTC)),
        "honolulu": ("defer", "quiet_hours", honolulu, honolulu, honolulu + timedelta(hours=24)),
    }  # fmt: skip
    with warehouse.connect() as connection:
        waiting = dict(rows(connection, "select customer_id, not_before from message.message"))
    assert waiting["honolulu"] == honolulu


@pytest.mark.parametrize(
    ("zone", "due", "opens"),
    [
        # Clocks go forward in Berlin on 2026-03-29: 02:30 does not exist, and the window opens an hour of UTC earlier.
        ("Europe/Berlin", "2026-03-28T22:00:00+00:00", "2026-03-29T06:00:00+00:00"),
        ("Europe/Berlin", "2026-03-27T22:00:00+00:00", "2026-03-28T07:00:00+00:00"),
        # Clocks go back in New York on 2026-11-01.
        ("America/New_York", "2026-11-01T03:00:00+00:00", "2026-11-01T13:00:00+00:00"),
        ("America/New_York", "2026-10-31T03:00:00+00:00", "2026-10-31T12:00:00+00:00"),
    ],
)
def test_the_window_opens_at_local_eight_over_both_clock_changes(
    warehouse: Engine, zone: str, due: str, opens: str
) -> None:
    """Eight o'clock is eight o'clock on the wall, on the day of the change too."""
    at = datetime.fromisoformat(due)
    with warehouse.begin() as connection:
        customer(connection, "ann", timezone=zone)
        member(connection, "ann", at=at)
    plan(warehouse, campaign_of(send_window=WINDOW), topic_of(), at)
    assert timing(warehouse)["ann"][:3] == ("defer", "quiet_hours", datetime.fromisoformat(opens))


@pytest.mark.parametrize(
    ("due", "opens"),
    [
        # On 2026-10-25 clocks in Berlin show 02:30 twice, at 00:30Z and at 01:30Z: the first counts,
        ("2026-10-24T23:30:00+00:00", "2026-10-25T00:30:00+00:00"),
        # unless it is over: then the second.
        ("2026-10-25T01:10:00+00:00", "2026-10-25T01:30:00+00:00"),
    ],
)
def test_an_hour_that_comes_twice_counts_the_first_time(warehouse: Engine, due: str, opens: str) -> None:
    """A window that opens in the repeated hour opens at its first coming, never before the due time."""
    at = datetime.fromisoformat(due)
    with warehouse.begin() as connection:
        customer(connection, "ann", timezone="Europe/Berlin")
        member(connection, "ann", at=at)
    plan(warehouse, campaign_of(send_window={"from": "02:30", "to": "02:45"}), topic_of(), at)
    assert timing(warehouse)["ann"][2] == datetime.fromisoformat(opens)


def test_topic_quiet_hours_and_campaign_window_both_hold(warehouse: Engine) -> None:
    """Inside the window but in quiet hours is deferred to the end of the quiet hours."""
    members(warehouse, "ann")
    topic = topic_of(quiet_hours={"from": "11:00", "to": "13:30"})
    plan(warehouse, campaign_of(send_window=WINDOW), topic)
    assert timing(warehouse)["ann"][:3] == ("defer", "quiet_hours", NOON + timedelta(minutes=90))


def test_window_edges(warehouse: Engine) -> None:
    """The window is half-open: its first instant is inside, its last is not."""
    at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    with warehouse.begin() as connection:
        for name in ("opens", "closes"):
            customer(connection, name)
        member(connection, "opens", at=at)
        member(connection, "closes", at=at + timedelta(hours=13))
    plan(warehouse, campaign_of(send_window=WINDOW), topic_of(), at)
    plan(warehouse, campaign_of(send_window=WINDOW), topic_of(), at + timedelta(hours=13))
    assert {who: row[0] for who, row in timing(warehouse).items()} == {"opens": "send", "closes": "defer"}


def test_a_run_of_an_old_period_decides_stale(warehouse: Engine) -> None:
    """A backfilled period with the real clock as now mails no one. A step exactly at the limit is not stale."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(max_lateness_hours=6), topic_of(), NOON, now=NOON + timedelta(days=30))
    assert decided(warehouse) == {("ann", "reminder", "skip", "stale")}


@pytest.mark.parametrize(
    ("late", "expected"), [(timedelta(hours=6), "eligible"), (timedelta(hours=6, seconds=1), "stale")]
)
def test_lateness_is_counted_to_the_second(warehouse: Engine, late: timedelta, expected: str) -> None:
    """max_lateness_hours includes its last instant."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(max_lateness_hours=6), topic_of(), NOON, now=NOON + late)
    assert {reason for _, _, _, reason in decided(warehouse)} == {expected}


def test_lateness_counts_from_the_first_permitted_moment(warehouse: Engine) -> None:
    """Due at night, permitted at 08:00: at 13:00 it is five hours late, not ten."""
    at = datetime(2026, 3, 2, 3, tzinfo=UTC)
    with warehouse.begin() as connection:
        customer(connection, "ann")
        member(connection, "ann", at=at)
    campaign = campaign_of(send_window=WINDOW, max_lateness_hours=6)
    plan(warehouse, campaign, topic_of(), at, now=at + timedelta(hours=10))
    assert {reason for _, _, _, reason in decided(warehouse)} == {"eligible"}


def test_the_cap_counts_other_campaigns_and_priority_wins(warehouse: Engine) -> None:
    """A second campaign of the day is capped, or yields to a planned mail of higher priority: it waits to see whether
    that one goes, also if it would be stale by the next day."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(priority=80), topic)
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set state = 'accepted', accepted_at = now() where customer_id = 'bob'"
        )
    other = campaign_of(campaign="second", priority=40, max_lateness_hours=6)
    plan(warehouse, other, topic, NOON + HOUR)
    assert decided(warehouse) == {
        ("ann", "reminder", "send", "eligible"), ("bob", "reminder", "send", "eligible"),
        ("ann", "reminder", "defer", "lower_priority"), ("bob", "reminder", "skip", "capped"),
    }  # fmt: skip


def test_a_capped_mail_moves_to_the_next_day_if_not_stale_by_then(warehouse: Engine) -> None:
    """With enough patience the mail is deferred to the next local day, not lost."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann")
    plan(warehouse, campaign_of(priority=80), topic)
    plan(warehouse, campaign_of(campaign="second", priority=40, max_lateness_hours=48, send_window=WINDOW), topic)
    with warehouse.connect() as connection:
        found = rows(connection, "select outcome, reason, until from decision.decision where campaign = 'second'")
    assert found == [("defer", "lower_priority", datetime(2026, 3, 3, 8, tzinfo=UTC))]


def test_a_higher_priority_is_not_blocked_by_a_planned_lower_one(warehouse: Engine) -> None:
    """The winner of a customer's day may come second; the claim sorts out the loser."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann")
    plan(warehouse, campaign_of(priority=40), topic)
    plan(warehouse, campaign_of(campaign="second", priority=80), topic)
    assert {reason for _, _, _, reason in decided(warehouse)} == {"eligible"}


def test_a_weekly_cap_counts_monday_to_sunday(warehouse: Engine) -> None:
    """A mail on Monday blocks the same week, and not the Monday after."""
    topic = topic_of(cap={"mails": 1, "per": "week"})
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic)
    sunday, monday = NOON + timedelta(days=6), NOON + timedelta(days=7)
    plan(warehouse, campaign_of(campaign="sunday"), topic, sunday)
    plan(warehouse, campaign_of(campaign="monday"), topic, monday)
    with warehouse.begin() as connection:
        found = set(rows(connection, "select campaign, outcome, reason from decision.decision"))
    # The first mail was never delivered and has expired by Sunday: it no longer takes a place.
    assert ("sunday", "send", "eligible") in found
    assert ("monday", "send", "eligible") in found


def test_the_cap_counts_a_mail_decided_in_another_month(warehouse: Engine) -> None:
    """A mail of a Saturday in March that waits may still go in the week of April: a lower one of that week yields."""
    topic = topic_of(cap={"mails": 1, "per": "week"})
    members(warehouse, "ann")
    saturday, wednesday = NOON + timedelta(days=26), NOON + timedelta(days=30)
    plan(warehouse, campaign_of(campaign="first", priority=80), topic, saturday)
    plan(warehouse, campaign_of(campaign="second", priority=60, max_lateness_hours=120), topic, saturday)
    plan(warehouse, campaign_of(campaign="third", priority=40), topic, wednesday)
    with warehouse.connect() as connection:
        found = rows(connection, "select campaign, outcome, reason from decision.decision order by decision_id")
    assert found == [
        ("first", "send", "eligible"), ("second", "defer", "lower_priority"), ("third", "defer", "lower_priority"),
    ]  # fmt: skip


def test_the_cap_counts_a_mail_put_off_to_the_end_of_its_lateness(warehouse: Engine) -> None:
    """However long ago it was decided, a mail takes a place on the day it goes out, and none on the day before."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann")
    plan(warehouse, campaign_of(max_lateness_hours=720), topic)
    last_day = NOON + timedelta(days=30)
    with warehouse.begin() as connection:
        connection.execute(
            sa.text("update message.message set state = 'accepted', send_day = :day"), {"day": last_day.date()}
        )
    plan(warehouse, campaign_of(campaign="before"), topic, last_day - timedelta(days=1))
    plan(warehouse, campaign_of(campaign="on_the_day"), topic, last_day)
    with warehouse.connect() as connection:
        found = dict(rows(connection, "select campaign, reason from decision.decision"))
    assert found == {"cart_abandoned": "eligible", "before": "eligible", "on_the_day": "capped"}


def test_a_lateness_of_for_ever_in_an_older_row_stops_no_campaign(warehouse: Engine) -> None:
    """If a file had no upper bound, its campaign's row may still name more hours than a date can go back."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann")
    plan(warehouse, campaign_of(priority=40), topic)
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "update journey.campaign set definition = jsonb_set(definition, '{max_lateness_hours}', '99999999999')"
        )
    plan(warehouse, campaign_of(campaign="second", priority=30), topic)
    with warehouse.connect() as connection:
        assert dict(rows(connection, "select campaign, reason from decision.decision")) == {
            "cart_abandoned": "eligible", "second": "lower_priority",
        }  # fmt: skip


def test_deciding_again_changes_nothing(warehouse: Engine) -> None:
    """Every due step has exactly one decision, however often the run is repeated."""
    members(warehouse, "ann", "bob")
    for _ in range(3):
        plan(warehouse, campaign_of(send_window=WINDOW), topic_of())
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*), count(distinct enrollment_id) from decision.decision") == [(2, 2)]
    assert len(states(warehouse)) == 2


def test_who_said_no_at_a_former_address_is_not_mailed_at_the_new_one(warehouse: Engine) -> None:
    """Another address by feed lifts no unsubscribe and no complaint; a hard bounce stays with its address."""
    members(warehouse, "left", "complained", "bounced", "moved")
    suppress(warehouse, "left", reason="unsubscribed")
    suppress(warehouse, "complained", reason="complaint")
    suppress(warehouse, "bounced", reason="hard_bounce")
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update source.customer set email = 'new-' || email")
    plan(warehouse, campaign_of(), topic_of())
    assert {(who, reason) for who, _, _, reason in decided(warehouse)} == {
        ("left", "suppressed"), ("complained", "suppressed"), ("bounced", "eligible"), ("moved", "eligible"),
    }  # fmt: skip


def test_steps_of_one_series_due_together_share_its_customers_cap(warehouse: Engine) -> None:
    """Two steps in one run: the first goes out, the second takes the next day; another customer is not in the way."""
    steps = [
        {"step": name, "after_hours": 0, "template": "cart_abandoned/reminder"} for name in ("reminder", "doubts")
    ]
    members(warehouse, "ann", "bob")
    campaign = campaign_of(steps=steps, max_lateness_hours=48)
    plan(warehouse, campaign, topic_of(cap={"mails": 1, "per": "day"}))
    assert decided(warehouse) == {
        (name, step, outcome, reason)
        for name in ("ann", "bob")
        for step, outcome, reason in (("reminder", "send", "eligible"), ("doubts", "defer", "capped"))
    }


def test_a_stale_step_takes_no_place_of_the_one_decided_with_it(warehouse: Engine) -> None:
    """The first step was left lying for a day: it is skipped, and the second has the day's one mail."""
    members(warehouse, "ann")
    campaign, topic = campaign_of(steps=THREE_STEPS), topic_of(cap={"mails": 1, "per": "day"})
    next_day = NOON + timedelta(hours=24)
    publish(warehouse, campaign, topic)
    enroll(warehouse, campaign, NOON)
    advance(warehouse, campaign, next_day)
    decide(warehouse, campaign, topic, next_day, next_day)
    assert decided(warehouse) == {("ann", "reminder", "skip", "stale"), ("ann", "doubts", "send", "eligible")}


def test_a_step_taken_out_after_its_decisions_holds_up_no_other(
    warehouse: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """Its mails are cancelled as `step_gone`, and counted and named once; the other step's mails are written."""
    steps = [
        {"step": name, "after_hours": 0, "template": "cart_abandoned/reminder"} for name in ("reminder", "removed")
    ]
    members(warehouse, "ann", "bob")
    before, after, topic = campaign_of(steps=steps), campaign_of(steps=steps[:1]), topic_of()
    publish(warehouse, before, topic)
    enroll(warehouse, before, NOON)
    advance(warehouse, before, NOON)
    decide(warehouse, before, topic, NOON, NOON)
    written = write_messages(warehouse, after, topic, LIBRARY, BRAND, NOON)
    assert written == WriteCounts(messages=2, shells=1, step_gone=2)
    assert "campaign cart_abandoned has no step 'removed' any more: 2 decisions to send it get no mail" in caplog.text
    kept = {(name, "reminder", "planned", None) for name in ("ann", "bob")}
    assert states(warehouse) == kept | {(name, "removed", "cancelled", "step_gone") for name in ("ann", "bob")}
    assert write_messages(warehouse, after, topic, LIBRARY, BRAND, NOON) == WriteCounts(messages=0, shells=0)
