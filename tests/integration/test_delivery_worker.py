"""Delivery against the simulator over real HTTP: every answer class, every re-check, never twice, never lost."""

from __future__ import annotations

import dataclasses
import gc
import re
import shutil
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError

from builders import NOON, customer, insert, order, rows, waiting_for_locks
from lifecycle_mail import delivery
from lifecycle_mail.campaigns import Topic, read_brand
from lifecycle_mail.command_line.mails import stored_mail
from lifecycle_mail.delivery import claims, worker
from lifecycle_mail.delivery.claims import claim_in
from lifecycle_mail.delivery.picking import Batch, PickedMail
from lifecycle_mail.delivery.recording import record
from lifecycle_mail.delivery.work import ClaimSetup, shells_with_work
from lifecycle_mail.errors import ClaimLost, DeliveryRefused, SendingStopped
from lifecycle_mail.messages import erase_slots, rebind_shell
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.pipeline import Installation
from lifecycle_mail.sendgrid.answers import Accepted
from lifecycle_mail.settings import DEVELOPMENT_POSTAL_ADDRESS, Settings
from local_stack.processes import free_port, wait_until
from planning import BRAND, CART_CONTEXT, TOPICS, campaign_of, member, members, plan, states, topic_of
from running_services import API_KEY, Service

HOUR = timedelta(hours=1)


@pytest.fixture
def settings(simulator: Service, warehouse: Engine) -> Settings:
    """Simulate mode against an emptied simulator without faults."""
    simulator.client.post("/simulator/reset").raise_for_status()
    simulator.client.post("/simulator/faults", json={"delay_ms": 0, "faults": []}).raise_for_status()
    return Settings(
        database_url=warehouse.url.render_as_string(hide_password=False),
        mode="simulate",
        sendgrid_api_key=API_KEY,
        sendgrid_base_url=simulator.url,
        request_timeout_seconds=2.0,
    )


def fault(simulator: Service, **one: Any) -> None:
    simulator.client.post("/simulator/faults", json={"delay_ms": 0, "faults": [one]}).raise_for_status()


def accepted(simulator: Service) -> Counter[str]:
    """How often the simulator took each address: its own record, not ours."""
    found = simulator.client.get("/simulator/accepted", params={"limit": 1000}).json()
    return Counter(row["address"].partition("@")[0] for row in found["items"])


def run(
    engine: Engine, settings: Settings, topic: Topic | None = None, now: datetime = NOON, **options: Any
) -> delivery.DeliveryReport:
    topics = {**TOPICS, "reminders": topic or topic_of()}
    return delivery.deliver(
        engine, settings, topics, clock=lambda: now, worker="test", **{"sleep": lambda seconds: None, **options}
    )


def test_every_planned_mail_is_accepted_once(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """The simulator took each recipient exactly once, and a second run sends nothing."""
    names = [f"c{number}" for number in range(25)]
    members(warehouse, *names)
    plan(warehouse, campaign_of(), topic_of())
    assert run(warehouse, settings).accepted == 25
    assert run(warehouse, settings).requests == 0
    assert accepted(simulator) == Counter(names)
    assert {row[2] for row in states(warehouse)} == {"accepted"}


def test_a_request_carries_ids_headers_and_nothing_personal_outside(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """custom_args hold the message id alone; each recipient has a one-click header; the attempt keeps X-Message-Id."""
    members(warehouse, "ann", first_name="Zoë")
    plan(warehouse, campaign_of(), topic_of())
    run(warehouse, settings)
    with warehouse.connect() as connection:
        message_id, x_message_id = rows(
            connection,
            "select cast(message_id as text), x_message_id from message.message"
            " join delivery.attempt using (attempt_id)",
        )[0]
    row = simulator.client.get("/simulator/accepted").json()["items"][0]
    assert row["message_id"] == message_id
    assert row["x_message_id"] == x_message_id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("update source.customer set permission = 'withdrawn'", "no_permission"),
        (
            "insert into event.suppression (address, scope, reason, source, suppressed_at)"
            " values ('ann@example.com', 'all', 'hard_bounce', 'event', now() - interval '1 year')",
            "suppressed",
        ),
        ("update journey.enrollment set ended_at = enrolled_at, end_reason = 'superseded'", "superseded"),
    ],
)
def test_the_claim_asks_again(
    warehouse: Engine, simulator: Service, settings: Settings, change: str, reason: str
) -> None:
    """What changed after planning stops the mail, by name, and nothing reaches the provider."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(exit_on=["order"]), topic_of())
    with warehouse.begin() as connection:
        connection.exec_driver_sql(change)
    run(warehouse, settings)
    assert states(warehouse) == {("ann", "reminder", "cancelled", reason)}
    assert accepted(simulator) == Counter()


def said_no(connection: Connection, who: str, reason: str, at: datetime, **columns: Any) -> None:
    """Write a suppression of the address of `who`: of all mail, unless `columns` say otherwise."""
    row = {"scope": "all", "source": "event", "reason": reason, "suppressed_at": at, **columns}
    insert(connection, "event.suppression", address=f"{who}@example.com", **row)


def moved(connection: Connection, who: str, former: str) -> None:
    """Write that `who` had the address of `former` before."""
    insert(
        connection, "source.former_address", customer_id=who, address=f"{former}@example.com",
        replaced_at=NOON + timedelta(minutes=2),
    )  # fmt: skip


def test_the_claim_asks_of_each_way_a_person_said_no(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """A mail is stopped if the person said no at the present address, at a former one, by permission, or for the topic.
    A no that was lifted stops no mail, nor does a bounce of a former address."""
    after, before = NOON + timedelta(minutes=1), NOON - HOUR
    names = {"here", "earlier", "there", "topic", "withdrew", "other", "lifted", "moved", "nobody"}
    members(warehouse, *names)
    plan(warehouse, campaign_of(exit_on=["order", "unsubscribed"]), topic_of())
    with warehouse.begin() as connection:
        said_no(connection, "here", "unsubscribed", after)
        said_no(connection, "earlier", "complaint", before)
        moved(connection, "there", "there-once")
        said_no(connection, "there-once", "unsubscribed", after)
        said_no(connection, "topic", "unsubscribed", after, scope="topic:reminders")
        connection.exec_driver_sql(
            "update source.customer set permission = 'withdrawn', permission_at = %(at)s"
            " where customer_id = 'withdrew'",
            {"at": after},
        )
        said_no(connection, "other", "unsubscribed", after, scope="topic:offers")
        said_no(connection, "lifted", "unsubscribed", after, lifted_at=after)
        moved(connection, "moved", "moved-once")
        said_no(connection, "moved-once", "hard_bounce", after)
    run(warehouse, settings, now=NOON + timedelta(minutes=2))
    ended = {
        "here": "unsubscribed", "earlier": "suppressed", "there": "unsubscribed", "topic": "unsubscribed",
        "withdrew": "unsubscribed",
    }  # fmt: skip
    assert states(warehouse) == {
        (who, "reminder", *(("cancelled", ended[who]) if who in ended else ("accepted", None))) for who in names
    }
    assert accepted(simulator) == Counter(names - set(ended))


def test_the_earliest_of_several_facts_names_the_end(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """If a customer left and bought, or bought and left, the earlier of both is the reason."""
    first, second = NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)
    members(warehouse, "left", "bought")
    plan(warehouse, campaign_of(exit_on=["order", "unsubscribed"]), topic_of())
    with warehouse.begin() as connection:
        said_no(connection, "left", "unsubscribed", first)
        said_no(connection, "bought", "unsubscribed", second)
        order(connection, "o1", "left", second)
        order(connection, "o2", "bought", first)
    run(warehouse, settings, now=NOON + timedelta(minutes=3))
    assert states(warehouse) == {
        ("left", "reminder", "cancelled", "unsubscribed"), ("bought", "reminder", "cancelled", "converted"),
    }  # fmt: skip


def test_an_order_between_plan_and_claim_stops_the_mail(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """The claim looks at exits itself: no planning run needs to come first."""
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(), topic_of())
    with warehouse.begin() as connection:
        order(connection, "o1", "ann", NOON + timedelta(minutes=1))
    run(warehouse, settings, now=NOON + timedelta(minutes=2))
    assert states(warehouse) == {
        ("ann", "reminder", "cancelled", "converted"), ("bob", "reminder", "accepted", None),
    }  # fmt: skip
    assert accepted(simulator) == Counter(["bob"])


def test_a_mail_past_its_time_is_cancelled_stale(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """A plan of an old period can never mail: the real clock finds it expired."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    run(warehouse, settings, now=NOON + timedelta(days=40))
    assert states(warehouse) == {("ann", "reminder", "cancelled", "stale")}
    assert accepted(simulator) == Counter()


def test_a_mail_waits_for_the_recipients_hours(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """Planned in the window and claimed after it: the mail waits for the next morning and goes then."""
    window = {"from": "08:00", "to": "12:30"}
    members(warehouse, "ann")
    plan(warehouse, campaign_of(send_window=window, max_lateness_hours=30), topic_of())
    run(warehouse, settings, now=NOON + HOUR)
    assert states(warehouse) == {("ann", "reminder", "planned", "quiet_hours")}
    run(warehouse, settings, now=NOON + 19 * HOUR)
    assert accepted(simulator) == Counter()
    run(warehouse, settings, now=NOON + 20 * HOUR)
    assert accepted(simulator) == Counter(["ann"])


def test_caps_hold_over_customers_who_share_an_address(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """Two customers of one address get one mail a day; the other mail waits for tomorrow or ends as capped."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann", "twin", email="shared@example.com")
    plan(warehouse, campaign_of(), topic)
    run(warehouse, settings, topic)
    assert accepted(simulator) == Counter(["shared"])
    assert sorted(row[2:] for row in states(warehouse)) == [("accepted", None), ("cancelled", "capped")]


def test_without_a_cap_an_address_is_still_once_in_a_request(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """SendGrid refuses a repeated address: the second mail goes in a request of its own."""
    members(warehouse, "ann", "twin", email="shared@example.com")
    plan(warehouse, campaign_of(), topic_of())
    report = run(warehouse, settings)
    assert (report.accepted, report.requests) == (2, 2)
    assert accepted(simulator) == Counter({"shared": 2})


def test_400_that_names_a_recipient_costs_that_recipient(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """The named recipient is rejected with the provider's reason, the others go again and arrive once."""
    names = [f"c{number:02}" for number in range(20)]
    members(warehouse, *names)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update source.customer set email = 'not-an-address' where customer_id = 'c16'")
    plan(warehouse, campaign_of(), topic_of())
    run(warehouse, settings)
    found = {who: (state, reason) for who, _, state, reason in states(warehouse)}
    assert found.pop("c16")[0] == "rejected"
    assert set(found.values()) == {("accepted", None)}
    assert accepted(simulator) == Counter(name for name in names if name != "c16")


def test_a_request_that_is_wrong_as_a_whole_trips_the_breaker(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """400 without a recipient: the batch is planned again, the campaign paused, nothing loops; resume lets it go."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    fault(simulator, answer="status", status=400, body="garbage")
    assert run(warehouse, settings).requests == 1
    assert states(warehouse) == {("ann", "reminder", "planned", "request_refused")}
    with warehouse.connect() as connection:
        assert [(one.scope, one.reason) for one in delivery.pauses(connection)] == [
            ("campaign:cart_abandoned", "breaker")
        ]
    assert run(warehouse, settings).requests == 0
    fault(simulator, answer="status", share=0)
    delivery.resume(warehouse, "campaign:cart_abandoned", NOON)
    assert run(warehouse, settings).accepted == 1


def test_refused_access_pauses_everything(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """A wrong key gives one readable error, all sending is paused, every mail stays planned; the key is in no
    message."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    wrong = dataclasses.replace(settings, sendgrid_api_key="SG.secret-wrong-key")
    with pytest.raises(SendingStopped) as caught:
        run(warehouse, wrong)
    assert "SG.secret" not in str(caught.value)
    assert run(warehouse, settings).requests == 0
    delivery.resume(warehouse, "all", NOON)
    assert run(warehouse, settings).accepted == 1
    assert accepted(simulator) == Counter(["ann"])


def test_a_refused_connection_leaves_everything_planned(warehouse: Engine, settings: Settings) -> None:
    """Without a connection nothing was sent: the error is readable, and the mail and its place in the day are free
    again."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic)
    nobody = dataclasses.replace(settings, sendgrid_base_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(DeliveryRefused, match="cannot reach the provider"):
        run(warehouse, nobody, topic)
    assert states(warehouse) == {("ann", "reminder", "planned", "not_sent")}
    assert run(warehouse, settings, topic).accepted == 1


def test_429_waits_and_goes_on(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """Limited requests are made again after the wait the provider asked for; each mail arrives once."""
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(), topic_of())
    fault(simulator, answer="status", status=429, times=3, rate_reset_seconds=17)
    waited: list[float] = []
    report = run(warehouse, settings, sleep=waited.append)
    assert (report.requests, report.accepted, len(waited)) == (4, 2, 3)
    assert all(15 <= seconds <= 18 for seconds in waited)
    assert accepted(simulator) == Counter(["ann", "bob"])


def test_413_halves_the_batch(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """If a request is too large, the same mails go in smaller requests."""
    members(warehouse, *[f"c{number}" for number in range(9)])
    plan(warehouse, campaign_of(), topic_of())
    fault(simulator, answer="status", status=413, times=2)
    report = run(warehouse, settings)
    assert report.accepted == 9
    assert report.requests == 2 + 5


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize(
    "how", [{"answer": "status", "status": 503}, {"answer": "drop"}, {"answer": "reset"}, {"answer": "hang"}]
)
def test_without_a_clear_answer_nothing_goes_twice(
    warehouse: Engine, simulator: Service, settings: Settings, how: dict[str, Any], taken: bool
) -> None:
    """Whether or not the provider took the mail, it is in doubt, and no run sends it again."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    fault(simulator, times=1, accepted=taken, **how)
    assert run(warehouse, dataclasses.replace(settings, request_timeout_seconds=0.5)).in_doubt == 1
    assert run(warehouse, settings).requests == 0
    assert states(warehouse) == {("ann", "reminder", "in_doubt", "no_answer")}
    assert accepted(simulator) == (Counter(["ann"]) if taken else Counter())


def test_many_unclear_answers_stop_the_run(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """A provider that answers nothing clearly must not put a whole campaign in doubt."""
    for number in range(8):
        members(warehouse, f"c{number}", locale="en", currency=["EUR", "USD"][number % 2])
    for number in range(8):
        campaign = campaign_of(campaign=f"campaign{number}")
        plan(warehouse, campaign, topic_of())
    fault(simulator, answer="status", status=500)
    with pytest.raises(DeliveryRefused, match="5 requests in a row"):
        run(warehouse, settings)
    assert Counter(state for _, _, state, _ in states(warehouse))["planned"] > 0


def test_an_outage_costs_one_mail_a_request_from_the_third_request_on(
    warehouse: Engine, simulator: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two unclear answers, and in the runs that follow, single mails go until one is answered clearly; then whole
    batches go again."""
    monkeypatch.setattr(worker, "MAX_RECIPIENTS", 4)
    members(warehouse, *[f"c{number:02}" for number in range(40)])
    plan(warehouse, campaign_of(), topic_of())
    fault(simulator, answer="status", status=503, accepted=False)
    for expected in (4 + 4 + 3, 16, 21):
        with pytest.raises(DeliveryRefused, match="5 requests in a row"):
            run(warehouse, settings)
        assert Counter(row[2] for row in states(warehouse))["in_doubt"] == expected
    fault(simulator, answer="status", status=500, times=1, accepted=False)
    report = run(warehouse, settings)
    assert (report.requests, report.in_doubt, report.accepted) == (1 + 1 + 5, 1, 18)


def test_probing_a_silent_provider_ends_stale_mails_by_the_batch(
    warehouse: Engine, simulator: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One mail goes out, and all mails that may not go are ended with the same claim. A refused connection is no clear
    answer."""
    members(warehouse, *[f"c{number:02}" for number in range(30)])
    plan(warehouse, campaign_of(), topic_of())
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set expires_at = not_before - interval '1 second' where customer_id < 'c20'"
        )
        for outcome, status in (*[("in_doubt", 503)] * 5, ("returned", None)):
            insert(
                connection, "delivery.attempt", shell_id=1, campaign="x", worker="x", recipients=1, claimed_at=NOON,
                lease_until=NOON, finished_at=NOON, outcome=outcome, http_status=status,
            )  # fmt: skip
    fault(simulator, answer="status", status=503, times=2, accepted=False)
    claims = count(1)
    claim = worker.claim
    monkeypatch.setattr(worker, "claim", lambda *given: (next(claims), claim(*given))[1])
    report = run(warehouse, settings)
    assert (report.in_doubt, report.accepted, report.ended["stale"]) == (2, 8, 20)
    assert report.requests == 4
    assert next(claims) <= 8


def test_an_expired_claim_is_in_doubt_and_a_late_answer_still_counts(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """A claim whose worker is gone is never planned again by itself; evidence by policy needs events."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set state = 'claimed', attempt_id = 1, claimed_at = '2026-03-02 12:00Z',"
            " lease_until = '2026-03-02 12:05Z'"
        )
    assert run(warehouse, settings, now=NOON + timedelta(minutes=4)).expired_claims == 0
    assert run(warehouse, settings, now=NOON + timedelta(minutes=6)).expired_claims == 1
    assert states(warehouse) == {("ann", "reminder", "in_doubt", "lease_expired")}
    assert accepted(simulator) == Counter()


@pytest.mark.parametrize(("policy", "reason"), [("abandon", "no_evidence"), ("resend", "too_few_to_judge")])
def test_how_new_the_newest_event_is_decides_nothing(
    warehouse: Engine, simulator: Service, settings: Settings, policy: str, reason: str
) -> None:
    """A feed that is silent settles nothing, nor does one that ends before or after settle_after_hours from the
    attempt. 72 hours after the attempt the mail ends, and is not sent."""
    topic = topic_of(in_doubt=policy, settle_after_hours=48)
    members(warehouse, "ann")
    plan(warehouse, campaign_of(max_lateness_hours=24 * 10), topic)
    fault(simulator, times=1, accepted=False, answer="drop")
    run(warehouse, settings, topic)
    later = NOON + timedelta(hours=49)
    run(warehouse, settings, topic, now=later)
    assert {row[2] for row in states(warehouse)} == {"in_doubt"}
    for newest in (1 * HOUR, 47 * HOUR, 48 * HOUR + timedelta(minutes=1)):
        events_came(warehouse, NOON + newest)
        run(warehouse, settings, topic, now=later)
        assert {row[2] for row in states(warehouse)} == {"in_doubt"}, f"the feed ends {newest} after the attempt"
    run(warehouse, settings, topic, now=NOON + 72 * HOUR)
    assert states(warehouse) == {("ann", "reminder", "abandoned", reason)}
    assert accepted(simulator) == Counter()


def events_came(warehouse: Engine, newest_at: datetime) -> None:
    """Write that a batch was taken in whose last event happened at `newest_at`."""
    with warehouse.begin() as connection:
        insert(connection, "event.batch", source_name=f"export-{newest_at:%H%M}", newest_at=newest_at)


def test_a_pause_stops_within_a_batch_and_resume_goes_on(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """One campaign's pause leaves the others; the switch for all stops everything."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    plan(warehouse, campaign_of(campaign="second"), topic_of())
    delivery.pause(warehouse, "campaign:second", "operator", NOON)
    report = run(warehouse, settings)
    assert report.accepted == 1
    assert report.stopped == {"paused (operator): campaign:second"}
    delivery.pause(warehouse, "all", "operator", NOON)
    delivery.resume(warehouse, "campaign:second", NOON)
    assert run(warehouse, settings).accepted == 0
    delivery.resume(warehouse, "all", NOON)
    assert run(warehouse, settings).accepted == 1


@pytest.mark.parametrize(
    ("column", "expected"), [("complained_at", "complaint rate 20.00%"), ("bounced_hard_at", "bounce rate 20.00%")]
)
def test_a_breaker_stops_the_campaign_before_the_next_batch(
    warehouse: Engine, simulator: Service, settings: Settings, column: str, expected: str
) -> None:
    """Past a limit the campaign is paused with its numbers, and another campaign goes on. After resume it is judged
    again."""
    topic = topic_of(limits={"minimum": 5, "complaint_rate": 0.1, "bounce_rate": 0.1})
    members(warehouse, *[f"c{number}" for number in range(5)])
    plan(warehouse, campaign_of(), topic)
    assert run(warehouse, settings, topic).accepted == 5
    with warehouse.begin() as connection:
        insert(connection, "event.batch", source_name="export")
        connection.exec_driver_sql(
            f"""insert into event.engagement
            (enrollment_id, step, message_id, campaign, customer_id, {column}, batch_id, first_event_at)
            select enrollment_id, step, message_id, campaign, customer_id, accepted_at, 1, accepted_at
            from message.message where customer_id = 'c1'"""  # noqa: S608 - a column name of this file
        )
        for number in range(2):
            customer(connection, f"later{number}")
            member(connection, f"later{number}", f"cart-later{number}", NOON + HOUR)
    later = NOON + HOUR
    plan(warehouse, campaign_of(), topic, later)
    plan(warehouse, campaign_of(campaign="other"), topic, later)
    report = run(warehouse, settings, topic, now=later)
    assert {(who, state) for who, _, state, _ in states(warehouse) if who.startswith("later")} == {
        ("later0", "planned"), ("later0", "accepted"), ("later1", "planned"), ("later1", "accepted"),
    }  # fmt: skip
    assert run(warehouse, settings, topic, now=later).stopped == {
        f"paused (breaker): campaign:cart_abandoned, {expected} (1 of 5) is above 10.00%"
    }
    assert report.accepted == 2 + 5
    delivery.resume(warehouse, "campaign:cart_abandoned", later)
    assert run(warehouse, settings, topic, now=later).accepted == 2


def test_dag_pauses_are_copied_and_lifted_alone(warehouse: Engine) -> None:
    """Unpausing a DAG lifts the DAG's pause, never an operator's."""
    delivery.pause(warehouse, "campaign:a", "operator", NOON)
    delivery.sync_dag_pauses(warehouse, {"b"}, {"a", "b"}, NOON)
    with warehouse.connect() as connection:
        assert {(one.scope, one.reason) for one in delivery.pauses(connection)} == {
            ("campaign:a", "operator"), ("campaign:b", "dag"),
        }  # fmt: skip
    delivery.sync_dag_pauses(warehouse, set(), {"a", "b"}, NOON)
    with warehouse.connect() as connection:
        assert {one.scope for one in delivery.pauses(connection)} == {"campaign:a"}


def test_a_pause_outlasts_the_dag_that_was_paused_before_it(warehouse: Engine) -> None:
    """An operator's pause of a campaign whose DAG is already paused still counts; unpausing the DAG changes no
    judgement."""
    delivery.sync_dag_pauses(warehouse, {"a", "b"}, {"a", "b"}, NOON)
    delivery.pause(warehouse, "campaign:a", "operator", NOON)
    delivery.sync_dag_pauses(warehouse, {"a"}, {"a", "b"}, NOON)
    with warehouse.connect() as connection:
        assert [(one.scope, one.reason) for one in delivery.pauses(connection)] == [("campaign:a", "operator")]
        assert rows(connection, "select scope from delivery.resumption") == []
    assert delivery.resume(warehouse, "campaign:a", NOON)
    assert not delivery.resume(warehouse, "campaign:a", NOON)
    with warehouse.connect() as connection:
        assert [row[0] for row in rows(connection, "select scope from delivery.resumption")] == ["campaign:a"]


def test_a_claim_past_its_lease_is_not_sent(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """A worker that was held up until its lease was over gives its mails back, because others may have settled them. If
    that happens again and again, the worker stops and says which setting is too small."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(), topic)
    hurried = dataclasses.replace(settings, claim_lease_seconds=1e-6)
    with pytest.raises(DeliveryRefused, match="LIFECYCLE_CLAIM_LEASE_SECONDS"):
        run(warehouse, hurried, topic)
    assert accepted(simulator) == Counter()
    assert {row[2:] for row in states(warehouse)} == {("planned", "lease_over")}
    assert run(warehouse, settings, topic).accepted == 2


def large_members(warehouse: Engine, *names: str) -> None:
    """Members whose carts take more than 10,000 bytes of substitutions."""
    item = {**CART_CONTEXT["items"][0], "name": "Soft Drinks " * 200}
    with warehouse.begin() as connection:
        for name in names:
            customer(connection, name)
            member(connection, name, context={**CART_CONTEXT, "item_count": 10, "items": [item] * 10})


def test_slots_that_are_too_large_ride_alone(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """Past 10,000 bytes of substitutions the mail is rendered whole, in a request of its own."""
    large_members(warehouse, "large")
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(), topic_of())
    report = run(warehouse, settings)
    assert (report.accepted, report.requests) == (3, 2)
    assert accepted(simulator) == Counter(["large", "ann", "bob"])


@pytest.mark.parametrize("others", [(), ("ann", "bob")])
def test_a_claim_holds_one_request_however_many_mails_ride_alone(
    warehouse: Engine, simulator: Service, settings: Settings, others: tuple[str, ...]
) -> None:
    """Killed after any claim, or stopped by the first answer, a worker leaves one request; the rest stay planned."""
    large_members(warehouse, "large1", "large2", "large3")
    members(warehouse, *others)
    topic = topic_of(cap={"mails": 1, "per": "day"})
    plan(warehouse, campaign_of(), topic)
    fault(simulator, answer="status", status=401)
    with pytest.raises(SendingStopped):
        run(warehouse, settings, topic)
    assert {row[2] for row in states(warehouse)} == {"planned"}
    with warehouse.connect() as connection:
        assert rows(connection, "select recipients from delivery.attempt") == [(len(others) or 1,)]
        assert rows(connection, "select count(*) from delivery.cap_reservation") == [(0,)]
    simulator.client.post("/simulator/faults", json={"delay_ms": 0, "faults": []}).raise_for_status()
    delivery.resume(warehouse, "all", NOON)
    report = run(warehouse, settings, topic)
    assert (report.accepted, report.requests) == (3 + len(others), 3 + bool(others))
    assert accepted(simulator) == Counter(["large1", "large2", "large3", *others])


def test_a_pause_is_heeded_between_mails_that_ride_alone(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """Each mail that rides alone is a claim of its own, and each claim looks at the pauses."""
    large_members(warehouse, "large1", "large2", "large3")
    plan(warehouse, campaign_of(), topic_of())

    def pause(_report: object) -> None:
        delivery.pause(warehouse, "all", "operator", NOON)

    assert run(warehouse, settings, progress=pause).accepted == 1
    assert Counter(row[2] for row in states(warehouse)) == {"accepted": 1, "planned": 2}


def test_mails_that_cannot_be_rendered_trip_the_breaker_and_take_no_place(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """A snapshot that is broken for all recipients costs one batch, not the campaign. No recipient's place of the day
    is taken."""
    topic = topic_of(cap={"mails": 1, "per": "day"}, limits={"minimum": 5, "rejection_rate": 0.5})
    with warehouse.begin() as connection:
        for number in range(8):
            customer(connection, f"broken{number}")
            member(connection, f"broken{number}", context={"cart_id": "x"})
    plan(warehouse, campaign_of(), topic)
    with pytest.MonkeyPatch.context() as small:
        small.setattr("lifecycle_mail.delivery.worker.MAX_RECIPIENTS", 6)
        run(warehouse, settings, topic)
    assert Counter(row[2:] for row in states(warehouse)) == {("rejected", "render_failed"): 6, ("planned", None): 2}
    with warehouse.connect() as connection:
        assert rows(connection, "select scope, reason from delivery.pause") == [("campaign:cart_abandoned", "breaker")]
        assert rows(connection, "select count(*) from delivery.cap_reservation") == [(0,)]


def test_complaints_count_as_soon_as_enough_mails_are_out(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """Too few mails could be judged when the run began, and enough after its first batch: the second batch stays."""
    topic = topic_of(limits={"minimum": 6, "complaint_rate": 0.1})
    members(warehouse, "early")
    plan(warehouse, campaign_of(), topic)
    run(warehouse, settings, topic)
    with warehouse.begin() as connection:
        insert(connection, "event.batch", source_name="export")
        connection.exec_driver_sql(
            "insert into event.engagement (enrollment_id, step, message_id, campaign, customer_id, complained_at,"
            " batch_id, first_event_at) select enrollment_id, step, message_id, campaign, customer_id, accepted_at, 1,"
            " accepted_at from message.message"
        )
    members(warehouse, *[f"c{number}" for number in range(9)])
    plan(warehouse, campaign_of(), topic, NOON + HOUR)
    with pytest.MonkeyPatch.context() as small:
        small.setattr("lifecycle_mail.delivery.worker.MAX_RECIPIENTS", 5)
        assert run(warehouse, settings, topic, now=NOON + HOUR).accepted == 5


@pytest.mark.parametrize("raised", [OperationalError, InternalError])
def test_an_answer_is_kept_while_the_database_is_away(
    warehouse: Engine, simulator: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch, raised: type[DBAPIError]
) -> None:
    """The database restarts for two minutes, or is read-only until it is failed over: the answer is recorded at
    last."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    waited: list[float] = []
    record = worker.record

    def away(*given: Any) -> Any:
        if sum(waited) < 120:
            raise raised("away", None, Exception())
        return record(*given)

    monkeypatch.setattr(worker, "record", away)
    assert run(warehouse, settings, sleep=waited.append).accepted == 1
    assert states(warehouse) == {("ann", "reminder", "accepted", None)}


def test_a_series_that_is_through_still_sends_its_last_mail_again(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """The mail was through while it was in doubt; the policy plans it again, and it is not cancelled for that."""
    topic = topic_of(in_doubt="resend")
    campaign = campaign_of(max_lateness_hours=240)
    others = [f"c{number:02}" for number in range(20)]
    members(warehouse, "ann")
    plan(warehouse, campaign, topic)
    fault(simulator, times=1, accepted=False, answer="drop")
    run(warehouse, settings, topic)
    fault(simulator, times=0, accepted=False, answer="drop")
    members(warehouse, *others)
    plan(warehouse, campaign, topic)
    run(warehouse, settings, topic)
    later = NOON + 49 * HOUR
    plan(warehouse, campaign, topic, later)
    with warehouse.begin() as connection:
        assert rows(connection, "select distinct end_reason from journey.enrollment") == [("completed",)]
        connection.exec_driver_sql(
            "insert into event.engagement (enrollment_id, step, message_id, campaign, customer_id, first_event_at,"
            " batch_id) select enrollment_id, step, message_id, campaign, customer_id, accepted_at, 1"
            " from message.message where state = 'accepted'"
        )
    run(warehouse, settings, topic, now=later)
    assert states(warehouse) == {(name, "reminder", "accepted", None) for name in ("ann", *others)}
    assert accepted(simulator) == Counter(["ann", *others])


def test_an_answer_whose_location_is_no_address_is_unclear(warehouse: Engine, settings: Settings) -> None:
    """The body was sent, so the request counts as sent even if its answer cannot be understood."""
    with answering(b"HTTP/1.1 302 Found\r\nLocation: https:foo\r\nContent-Length: 0\r\n\r\n") as address:
        members(warehouse, "ann")
        plan(warehouse, campaign_of(), topic_of())
        report = run(warehouse, dataclasses.replace(settings, sendgrid_base_url=address))
    assert (report.in_doubt, report.returned) == (1, 0)


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that reads one request and answers so."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            with server.accept()[0] as connection:
                head, _, body = _until_head(connection).partition(b"\r\n\r\n")
                (size,) = re.findall(rb"(?i)content-length: (\d+)", head)
                while len(body) < int(size):
                    body += connection.recv(65536)
                connection.sendall(answer)

        done = pool.submit(serve)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        done.result(10)


def _until_head(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    return read


def test_a_development_address_gives_way_to_the_real_one_in_live(warehouse: Engine, settings: Settings) -> None:
    """Mails planned before the address was set go out with the real one; a sender's own address stays."""
    members(warehouse, "ann")
    with pytest.MonkeyPatch.context() as unset:
        unset.setattr("planning.BRAND", read_brand(settings.brand_file, postal_address=DEVELOPMENT_POSTAL_ADDRESS))
        plan(warehouse, campaign_of(), topic_of())
    real = dataclasses.replace(settings, mode="live", postal_address="Real Street 1, 1000 Town")
    setup = ClaimSetup(real, {**TOPICS, "reminders": topic_of()}, TemplateLibrary(real.templates_dir), "test")
    for given, shown in ((setup, "Real Street 1, 1000 Town"), (replaced(setup, "Other 2"), "Real Street 1, 1000 Town")):
        with warehouse.begin() as connection:
            (work,), _ = shells_with_work(connection, given, NOON)
            assert rows(
                connection, "select distinct shell.brand ->> 'postal_address', position(:address in text_part) > 0"
                " from message.message inner join message.shell using (shell_id)", address=shown,
            ) == [(shown, True)]  # fmt: skip
            assert work.mails == 1


def replaced(setup: ClaimSetup, address: str) -> ClaimSetup:
    return dataclasses.replace(setup, settings=dataclasses.replace(setup.settings, postal_address=address))


def test_a_late_202_ends_a_mail_that_its_policy_planned_again(warehouse: Engine, settings: Settings) -> None:
    """The answer came after all, so the recipient is not mailed a second time."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    setup = ClaimSetup(settings, {**TOPICS, "reminders": topic_of()}, TemplateLibrary(settings.templates_dir), "test")
    with warehouse.begin() as connection:
        (work,), _ = shells_with_work(connection, setup, NOON)
        attempt = claim_in(connection, setup, Batch(work, NOON, 10)).attempt
        connection.exec_driver_sql("update message.message set state = 'planned', reason = 'resend'")
    assert attempt is not None
    assert record(warehouse, attempt, Accepted("x"), NOON + HOUR).accepted == 1
    assert states(warehouse) == {("ann", "reminder", "accepted", None)}


def test_a_claim_whose_mails_moved_is_undone_and_sends_nothing(
    warehouse: Engine, simulator: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of three mails belong to another worker when they are marked: none goes, and all stay as they were."""
    members(warehouse, "ann", "bob", "cyd")
    plan(warehouse, campaign_of(), topic_of())
    pick = claims.pick

    def pick_and_lose(connection: Connection, *given: Any) -> list[PickedMail]:
        picked = pick(connection, *given)
        connection.exec_driver_sql("update message.message set state = 'claimed' where customer_id <> 'cyd'")
        return picked

    monkeypatch.setattr(claims, "pick", pick_and_lose)
    with pytest.raises(ClaimLost, match="2 of 3 mails of campaign cart_abandoned"):
        run(warehouse, settings)
    assert accepted(simulator) == Counter()
    assert {row[2] for row in states(warehouse)} == {"planned"}
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*) from delivery.attempt") == [(0,)]


def test_an_erasure_waits_for_a_claim_and_takes_what_it_rendered(warehouse: Engine, settings: Settings) -> None:
    """The erasure cannot see slots that the claim has rendered until the claim commits. They are erased all the
    same."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    setup = ClaimSetup(settings, {**TOPICS, "reminders": topic_of()}, TemplateLibrary(settings.templates_dir), "test")
    with ThreadPoolExecutor(1) as pool:
        with warehouse.begin() as connection:
            (work,), _ = shells_with_work(connection, setup, NOON)
            assert claim_in(connection, setup, Batch(work, NOON, 10)).attempt
            erased = pool.submit(_erase, warehouse)
            wait_until(lambda: waiting_for_locks(warehouse) == 1, "the erasure did not wait", 10)
        erased.result(10)
    with warehouse.connect() as connection:
        assert rows(connection, "select state, slots, subject from message.message") == [("claimed", None, None)]


def _erase(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        erase_slots(connection, "ann")


def test_a_series_whose_mail_is_being_claimed_is_not_superseded(warehouse: Engine, settings: Settings) -> None:
    """The mail may go with the claim's commit: the newer cart waits, as it does after a mail."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    setup = ClaimSetup(settings, {**TOPICS, "reminders": topic_of()}, TemplateLibrary(settings.templates_dir), "test")
    with warehouse.begin() as connection:
        member(connection, "ann", "cart-new", NOON + HOUR)
    with warehouse.begin() as connection:
        (work,), _ = shells_with_work(connection, setup, NOON)
        assert claim_in(connection, setup, Batch(work, NOON, 10)).attempt
        plan(warehouse, campaign_of(), topic_of(), NOON + HOUR)
    with warehouse.connect() as connection:
        assert rows(connection, "select occurrence, end_reason from journey.enrollment") == [("cart-ann", None)]


def test_places_are_forgotten_with_the_person_and_with_time(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """Their keys are made of addresses: an erasure takes one person's, upkeep those of days long past."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(), topic)
    run(warehouse, settings, topic)
    with warehouse.begin() as connection:
        assert delivery.erase_places(connection, "ann@example.com") == 1
        assert delivery.forget_places(connection, NOON + timedelta(days=28)) == 0
        assert delivery.forget_places(connection, NOON + timedelta(days=29)) == 1


def test_a_mail_that_cannot_be_rendered_is_refused_alone(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """A broken snapshot costs one mail, by name; the batch goes."""
    with warehouse.begin() as connection:
        customer(connection, "broken")
        member(connection, "broken", context={"cart_id": "x"})
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    run(warehouse, settings)
    assert states(warehouse) == {
        ("broken", "reminder", "rejected", "render_failed"), ("ann", "reminder", "accepted", None),
    }  # fmt: skip


def test_only_allowed_recipients_while_the_list_is_set(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """A staging installation mails its own people alone."""
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(), topic_of())
    run(warehouse, dataclasses.replace(settings, allowed_recipients=("ann@example.com", "@test.example.com")))
    assert accepted(simulator) == Counter(["ann"])
    assert ("bob", "reminder", "cancelled", "recipient_not_allowed") in states(warehouse)


def test_a_preview_shows_and_changes_nothing(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """The numbers of what would go, a rendered sample, and every state as it was."""
    members(warehouse, "ann", "bob", first_name="Zoë")
    plan(warehouse, campaign_of(), topic_of())
    before = states(warehouse)
    lines = delivery.preview(warehouse, dataclasses.replace(settings, mode="preview"), TOPICS, now=NOON)
    assert [(line.campaign, line.step, line.waiting, line.would_go) for line in lines] == [
        ("cart_abandoned", "reminder", 2, 2)
    ]
    assert lines[0].sample is not None
    assert "Soft Drinks" in lines[0].sample.html
    assert states(warehouse) == before
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*) from delivery.attempt") == [(0,)]
        assert rows(connection, "select count(*) from delivery.cap_reservation") == [(0,)]


def test_a_preview_writes_no_mail_anew_and_names_what_is_broken(
    warehouse: Engine, settings: Settings, tmp_path: Path
) -> None:
    """A corrected template shows, though the mails still have the old one. A broken template, and a topic that is gone,
    have a line that says why none of their mails would go."""
    templates = tmp_path / "templates"
    shutil.copytree(settings.templates_dir, templates)
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    for name in ("broken", "gone"):
        topic = topic_of(topic=name)
        step = {"step": name, "after_hours": 0, "template": "cart_abandoned/doubts"}
        plan(warehouse, campaign_of(campaign=name, topic=name, steps=[step]), topic)
    (templates / "cart_abandoned" / "reminder" / "subject.txt").write_text("A corrected subject\n", encoding="utf-8")
    (templates / "cart_abandoned" / "doubts" / "body.mjml").write_text("{% if %}", encoding="utf-8")
    given = dataclasses.replace(settings, mode="preview", templates_dir=templates)
    written = statements_of(warehouse)
    topics = {**TOPICS, "reminders": topic_of(), "broken": topic_of(topic="broken")}
    lines = {line.campaign: line for line in delivery.preview(warehouse, given, topics, now=NOON)}
    assert lines["cart_abandoned"].sample is not None
    assert lines["cart_abandoned"].sample.subject == "A corrected subject"
    assert not any("update message.message" in one and "fresh_shell" in one for one in written())
    assert "body.mjml" in str(lines["broken"].stopped)
    assert "topics.yaml" in str(lines["gone"].stopped)
    assert [(line.waiting, line.would_go) for line in lines.values()] == [(1, 1), (1, 0), (1, 0)]


def statements_of(warehouse: Engine) -> Callable[[], list[str]]:
    """Keep the text of every statement from now on; return a function that gives them."""
    kept: list[str] = []
    sa.event.listen(warehouse, "before_cursor_execute", lambda _c, _u, text, *_: kept.append(text))
    return lambda: kept


def test_a_preview_waits_for_no_delivery(warehouse: Engine, settings: Settings) -> None:
    """A live claim holds a person's day: the preview says so after two seconds, and holds nothing that the claim
    needs."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann")
    plan(warehouse, campaign_of(campaign="other"), topic)
    plan(warehouse, campaign_of(), topic)
    topics = {**TOPICS, "reminders": topic}
    setup = ClaimSetup(settings, topics, TemplateLibrary(settings.templates_dir), "test")
    with warehouse.begin() as connection:
        works, _ = shells_with_work(connection, setup, NOON)
        assert claim_in(connection, setup, Batch(works[0], NOON, 10)).attempt
        lines = delivery.preview(warehouse, dataclasses.replace(settings, mode="preview"), topics, now=NOON)
    assert {line.campaign: (line.would_go, line.stopped) for line in lines} == {
        works[0].campaign.campaign: (0, None),
        works[1].campaign.campaign: (0, "a running delivery holds rows that this mail needs: try again in a moment"),
    }


@pytest.mark.parametrize("shard", [0, 1, 2])
def test_the_more_important_mail_takes_the_day_whichever_shard_begins(
    warehouse: Engine, simulator: Service, settings: Settings, shard: int
) -> None:
    """Shards begin at different shells of one priority; a lower one is never taken before a higher."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann")
    for name, priority in (("lower", 40), ("higher", 80), ("between", 60)):
        plan(warehouse, campaign_of(campaign=name, priority=priority), topic)
    assert run(warehouse, settings, topic, shard=shard).accepted == 1
    with warehouse.connect() as connection:
        found = rows(connection, "select distinct campaign from message.message where state = 'accepted'")
    assert found == [("higher",)]


@pytest.mark.parametrize("deployed", ["renamed slot", "broken"])
def test_templates_deployed_in_the_middle_of_a_round_write_no_mixed_mail(
    warehouse: Engine, simulator: Service, settings: Settings, tmp_path: Path, deployed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """If a mail were checked by the old files and compiled from the new ones, it would show raw tokens. So it waits for
    the next round, which takes the new files, or says that they are broken. The other campaign goes on either way."""
    templates = tmp_path / "templates"
    shutil.copytree(settings.templates_dir, templates)
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(), topic_of())
    step = {"step": "doubts", "after_hours": 0, "template": "cart_abandoned/doubts"}
    plan(warehouse, campaign_of(campaign="other", steps=[step], priority=10), topic_of())
    body = templates / "cart_abandoned" / "reminder" / "body.mjml"
    claims = worker.claim

    def deploy_and_claim(*given: Any) -> Any:
        monkeypatch.setattr(worker, "claim", claims)
        text = body.read_text()
        body.write_text("{% if %}" if deployed == "broken" else text.replace("slot items", "slot things"))
        return claims(*given)

    monkeypatch.setattr(worker, "claim", deploy_and_claim)
    report = run(warehouse, dataclasses.replace(settings, templates_dir=templates))
    assert {step: state for _, step, state, _ in states(warehouse)} == {
        "reminder": "planned" if deployed == "broken" else "accepted", "doubts": "accepted",
    }  # fmt: skip
    assert any("the template changed" in one or "body.mjml" in one for one in report.stopped)
    with warehouse.connect() as connection:
        shown = rows(connection, "select slot_tokens from message.shell inner join message.message using (shell_id)"
                                 " where message.step = 'reminder'")  # fmt: skip
    assert deployed == "broken" or all("html.things" in tokens for (tokens,) in shown)


def test_mails_of_a_topic_that_is_gone_come_to_an_end(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """Doubt is settled by the default policy; planned mails end when they are stale."""
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(topic="offers"), topic_of(topic="offers"))
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set state = 'in_doubt', claimed_at = not_before where customer_id = 'ann'"
        )
    topics = {name: topic for name, topic in TOPICS.items() if name != "offers"}
    report = delivery.deliver(warehouse, settings, topics, clock=lambda: NOON, worker="test")
    assert any("put it back, or let these mails end as stale" in one for one in report.stopped)
    assert {row[2] for row in states(warehouse)} == {"in_doubt", "planned"}
    report = delivery.deliver(warehouse, settings, topics, clock=lambda: NOON + 73 * HOUR, worker="test")
    assert report.abandoned == Counter({("offers", "no_evidence"): 1})
    assert (report.settled_by_policy, report.ended["stale"], report.requests) == (1, 1, 0)
    assert states(warehouse) == {
        ("ann", "reminder", "abandoned", "no_evidence"), ("bob", "reminder", "cancelled", "stale"),
    }  # fmt: skip


def test_a_delivery_leaves_the_collector_of_garbage_as_it_was(warehouse: Engine, settings: Settings) -> None:
    """The process that called the delivery may go on for days."""
    before = gc.get_threshold()
    run(warehouse, settings)
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_a_database_delivers_in_one_mode(warehouse: Engine, settings: Settings) -> None:
    """The first delivery stamps the database; the other mode is refused then."""
    run(warehouse, settings)
    live = dataclasses.replace(
        settings, mode="live", public_url="https://mail.shop.test", link_secret="s" * 32,
        postal_address="Real Street 1", sendgrid_base_url="", default_zone="UTC", pages_url="https://mail.shop.test",
    )  # fmt: skip
    real = {
        name: topic.model_copy(update={"sender": topic.sender.model_copy(update={"email": "a@shop.test"})})
        for name, topic in TOPICS.items()
    }
    with pytest.raises(DeliveryRefused, match="delivers in mode 'simulate'"):
        delivery.require_deliverable(warehouse, live, real)


@pytest.mark.parametrize(
    ("email", "is_real"),
    [
        ("news@my-example.com", True), ("a@shop.test", True), ("a@example.com", False), ("a@mail.Example.com", False),
    ],
)  # fmt: skip
def test_live_refuses_senders_of_the_example_domain_alone(
    warehouse: Engine, settings: Settings, email: str, is_real: bool
) -> None:
    """No sender owns example.com or a domain under it. A domain whose name merely ends like it has an owner."""
    live = dataclasses.replace(
        settings, mode="live", public_url="https://mail.shop.test", link_secret="s" * 32,
        postal_address="Real Street 1", sendgrid_base_url="", default_zone="UTC", pages_url="https://mail.shop.test",
    )  # fmt: skip
    for topic in (
        topic_of(sender={"name": "Shop", "email": email}),
        topic_of(sender={"name": "Shop", "email": "a@shop.test"}, reply_to=email),
    ):
        topics = {"reminders": topic}
        with nullcontext() if is_real else pytest.raises(DeliveryRefused, match="a real sender for topic reminders"):
            delivery.require_deliverable(warehouse, live, topics)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "live", "sendgrid_api_key": ""}, "SENDGRID_API_KEY"),
        (
            {"mode": "live"},
            "LIFECYCLE_POSTAL_ADDRESS, LIFECYCLE_PUBLIC_URL, LIFECYCLE_PAGES_URL, LIFECYCLE_LINK_SECRET",
        ),
        ({"sendgrid_base_url": ""}, "SENDGRID_BASE_URL"),
        ({"sendgrid_base_url": "notaurl"}, "is not an http"),
        ({"sendgrid_base_url": "ftp://127.0.0.1"}, "is not an http"),
        ({"sendgrid_base_url": "https://api.sendgrid.com"}, "refuses SendGrid itself"),
        ({"sendgrid_base_url": "https://api.sendgrid.com."}, "LIFECYCLE_SIMULATOR_HOSTS"),
    ],
)
def test_a_mode_without_what_it_needs_is_refused(
    warehouse: Engine, settings: Settings, change: dict[str, Any], message: str
) -> None:
    """One readable line names what is missing; the database is not stamped."""
    with pytest.raises(DeliveryRefused, match=message):
        delivery.require_deliverable(warehouse, dataclasses.replace(settings, **change), TOPICS)
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*) from installation.fact") == [(0,)]


def test_a_corrected_template_is_the_one_that_goes_out(
    warehouse: Engine, simulator: Service, settings: Settings, tmp_path: Path
) -> None:
    """Planned mails follow a template that was corrected after planning."""
    templates = tmp_path / "templates"
    shutil.copytree(settings.templates_dir, templates)
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    subject = templates / "cart_abandoned" / "reminder" / "subject.txt"
    subject.write_text("A corrected subject\n", encoding="utf-8")
    run(warehouse, dataclasses.replace(settings, templates_dir=templates))
    assert accepted(simulator) == Counter(["ann"])
    with warehouse.connect() as connection:
        assert rows(
            connection,
            "select shell.subject from message.message join message.shell using (shell_id)",
        ) == [("A corrected subject",)]


def test_a_mail_planned_again_forgets_what_its_former_template_rendered(
    warehouse: Engine, simulator: Service, settings: Settings, tmp_path: Path
) -> None:
    """The mail is claimed, refused for the rate, planned again, and its template corrected. It keeps the new shell and
    no slots, so that a preview renders the mail from the new shell."""
    templates = tmp_path / "templates"
    shutil.copytree(settings.templates_dir, templates)
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), topic_of())
    fault(simulator, answer="status", status=429, times=1)

    def stop(_seconds: float) -> None:
        raise RuntimeError("stopped here")

    with pytest.raises(RuntimeError, match="stopped here"):
        run(warehouse, settings, sleep=stop)
    assert {state for *_, state, _ in states(warehouse)} == {"planned"}
    (templates / "cart_abandoned" / "reminder" / "subject.txt").write_text("A corrected subject\n", encoding="utf-8")
    with warehouse.begin() as connection:
        shell_id, kept = rows(connection, "select shell_id, slots from message.message")[0]
        assert kept is not None
        fresh = rebind_shell(connection, TemplateLibrary(templates), shell_id)
        assert fresh != shell_id
        assert rows(connection, "select shell_id, subject, slots from message.message") == [(fresh, None, None)]
    corrected = dataclasses.replace(settings, templates_dir=templates)
    mail = stored_mail(Installation(corrected, warehouse, TOPICS, BRAND), campaign_of(), "reminder", "ann", NOON)
    assert mail.subject == "A corrected subject"
    assert "Soft Drinks" in mail.text


def test_message_preview_shows_the_variant_that_is_planned(warehouse: Engine, settings: Settings) -> None:
    """A customer drawn for the step's second variant is shown its mail, not the first one's."""
    step = {
        "step": "incentive", "after_hours": 0, "template": "cart_abandoned/incentive",
        "offer": {"percent": 10, "valid_hours": 24}, "variants": {"with_offer": 0.5, "without_offer": 0.5},
    }  # fmt: skip
    names = [f"c{number}" for number in range(20)]
    members(warehouse, *names)
    campaign = campaign_of(steps=[step])
    plan(warehouse, campaign, topic_of())
    installation = Installation(settings, warehouse, TOPICS, BRAND)
    with warehouse.connect() as connection:
        drawn = dict(rows(connection, "select variant, min(customer_id) from message.message group by variant"))
    shown = {name: stored_mail(installation, campaign, "incentive", who, NOON).text for name, who in drawn.items()}
    assert {name: "10" in text for name, text in shown.items()} == {"with_offer": True, "without_offer": False}


def test_a_broken_template_stops_its_own_campaign_alone(
    warehouse: Engine, simulator: Service, settings: Settings, tmp_path: Path
) -> None:
    """The other campaign's mails go; the broken one's stay planned, and the report says why."""
    templates = tmp_path / "templates"
    shutil.copytree(settings.templates_dir, templates)
    members(warehouse, "ann", "bob")
    other = campaign_of(
        campaign="other", steps=[{"step": "doubts", "after_hours": 0, "template": "cart_abandoned/doubts"}]
    )
    plan(warehouse, campaign_of(), topic_of())
    plan(warehouse, other, topic_of())
    (templates / "cart_abandoned" / "doubts" / "body.mjml").write_text("{% if %}", encoding="utf-8")
    report = run(warehouse, dataclasses.replace(settings, templates_dir=templates))
    assert report.accepted == 2
    found = {(step, state) for _, step, state, _ in states(warehouse)}
    assert found == {("reminder", "accepted"), ("doubts", "planned")}
    assert any(reason.startswith("campaign other") for reason in report.stopped)
