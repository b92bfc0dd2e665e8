"""Delivery against the simulator over real HTTP: every answer class, every re-check, never twice, never lost."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Connection, Engine

from builders import NOON, customer, insert, order, rows
from lifecycle_mail import delivery
from lifecycle_mail.campaigns import Topic
from lifecycle_mail.errors import DeliveryRefused, SendingStopped
from lifecycle_mail.settings import Settings
from local_stack.processes import free_port
from planning import CART_CONTEXT, TOPICS, campaign_of, member, members, plan, states, topic_of
from running_services import API_KEY, Service, running_simulator

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One simulator for the module; `fresh` empties it."""
    with running_simulator(tmp_path_factory.mktemp("simulator") / "record") as service:
        yield service


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
        connection, "source.former_address", customer_id=who, address=f"{former}@example.com", replaced_at=NOON
    )


def test_the_claim_asks_of_each_way_a_person_said_no(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """At the present address, at a former one, by permission, for the topic; lifted, bounced before: those go."""
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
    """Who left and bought, or bought and left: the first of both is the reason."""
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
    """A wrong key: one readable error, all sending paused, every mail planned; the key is in no message."""
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
    """No connection, nothing sent: a readable error, and the mail and its place in the day are free again."""
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
    fault(simulator, answer="status", status=429, times=3)
    waited: list[float] = []
    report = run(warehouse, settings, sleep=waited.append)
    assert (report.requests, report.accepted, len(waited)) == (4, 2, 3)
    assert all(0 < seconds <= 60 for seconds in waited)
    assert accepted(simulator) == Counter(["ann", "bob"])


def test_413_halves_the_batch(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """Too large: the same mails go in smaller requests."""
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
    """Whether or not the provider took it: the mail is in doubt, and no run sends it again."""
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


@pytest.mark.parametrize(("policy", "expected"), [("abandon", "abandoned"), ("resend", "accepted")])
def test_doubt_ends_by_policy_only_once_later_events_have_come(
    warehouse: Engine, simulator: Service, settings: Settings, policy: str, expected: str
) -> None:
    """A silent feed settles nothing; events later than the attempt by settle_after_hours let the policy decide."""
    topic = topic_of(in_doubt=policy, settle_after_hours=48)
    members(warehouse, "ann")
    plan(warehouse, campaign_of(max_lateness_hours=24 * 10), topic)
    fault(simulator, times=1, accepted=False, answer="drop")
    run(warehouse, settings, topic)
    later = NOON + timedelta(hours=49)
    run(warehouse, settings, topic, now=later)
    assert {row[2] for row in states(warehouse)} == {"in_doubt"}
    with warehouse.begin() as connection:
        at = NOON + timedelta(hours=48, minutes=1)
        insert(connection, "event.batch", source_name="export", newest_at=at)
    run(warehouse, settings, topic, now=later)
    assert {row[2] for row in states(warehouse)} == {expected}
    assert accepted(simulator) == (Counter(["ann"]) if policy == "resend" else Counter())


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
    """Past a limit the campaign is paused with its numbers; another campaign goes on; resume judges anew."""
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
    """Who pauses a campaign whose DAG is paused already has still said it; unpausing the DAG changes no judgement."""
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
    """Held up until its lease was over a worker gives its mails back: others may have settled them. Where that
    happens again and again it stops, and says which setting is too small."""
    topic = topic_of(cap={"mails": 1, "per": "day"})
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(), topic)
    hurried = dataclasses.replace(settings, claim_lease_seconds=1e-6)
    with pytest.raises(DeliveryRefused, match="LIFECYCLE_CLAIM_LEASE_SECONDS"):
        run(warehouse, hurried, topic)
    assert accepted(simulator) == Counter()
    assert {row[2:] for row in states(warehouse)} == {("planned", "lease_over")}
    assert run(warehouse, settings, topic).accepted == 2


def test_slots_that_are_too_large_ride_alone(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """Past 10,000 bytes of substitutions the mail is rendered whole, in a request of its own."""
    item = {**CART_CONTEXT["items"][0], "name": "Soft Drinks " * 200}
    with warehouse.begin() as connection:
        customer(connection, "large")
        member(connection, "large", context={**CART_CONTEXT, "item_count": 10, "items": [item] * 10})
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(), topic_of())
    report = run(warehouse, settings)
    assert (report.accepted, report.requests) == (3, 2)
    assert accepted(simulator) == Counter(["large", "ann", "bob"])


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


def test_a_database_delivers_in_one_mode(warehouse: Engine, settings: Settings) -> None:
    """The first delivery stamps the database; the other mode is refused then."""
    run(warehouse, settings)
    live = dataclasses.replace(
        settings, mode="live", public_url="https://mail.shop.test", link_secret="s" * 32,
        postal_address="Real Street 1", sendgrid_base_url="",
    )  # fmt: skip
    real = {
        name: topic.model_copy(update={"sender": topic.sender.model_copy(update={"email": "a@shop.test"})})
        for name, topic in TOPICS.items()
    }
    with pytest.raises(DeliveryRefused, match="delivers in mode 'simulate'"):
        delivery.require_deliverable(warehouse, live, real)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "live", "sendgrid_api_key": ""}, "SENDGRID_API_KEY"),
        ({"mode": "live"}, "LIFECYCLE_POSTAL_ADDRESS, LIFECYCLE_PUBLIC_URL, LIFECYCLE_LINK_SECRET"),
        ({"sendgrid_base_url": ""}, "SENDGRID_BASE_URL"),
        ({"sendgrid_base_url": "notaurl"}, "is no http"),
        ({"sendgrid_base_url": "ftp://127.0.0.1"}, "is no http"),
        ({"sendgrid_base_url": "https://api.sendgrid.com"}, "refuses SendGrid itself"),
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
    """Planned mails follow a template that was mended after planning."""
    import shutil

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


def test_a_broken_template_stops_its_own_campaign_alone(
    warehouse: Engine, simulator: Service, settings: Settings, tmp_path: Path
) -> None:
    """The other campaign's mails go; the broken one's stay planned, and the report says why."""
    import shutil

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
