"""A mail in doubt that no event settles: sent again only if the mails around it have their events, or ended by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import NOON, insert, rows
from event_feed import processed_events
from lifecycle_mail import delivery
from lifecycle_mail.campaigns import Topic
from lifecycle_mail.events import ingest
from lifecycle_mail.messages.doubt import settle_in_doubt
from lifecycle_mail.settings import Settings
from planning import TOPICS, campaign_of, members, plan, states, topic_of
from running_services import API_KEY, Service

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
RESEND = topic_of(in_doubt="resend", settle_after_hours=48)
ABANDON = topic_of(in_doubt="abandon", settle_after_hours=48)
AFTER_THAT = NOON + 49 * HOUR

ANN_IN_DOUBT = {("ann", "reminder", "in_doubt", "no_answer")}
ANN_ACCEPTED = {("ann", "reminder", "accepted", None)}


@pytest.fixture
def settings(simulator: Service, warehouse: Engine) -> Settings:
    simulator.client.post("/simulator/reset").raise_for_status()
    return Settings(
        database_url=warehouse.url.render_as_string(hide_password=False),
        mode="simulate",
        sendgrid_api_key=API_KEY,
        sendgrid_base_url=simulator.url,
        request_timeout_seconds=2.0,
    )


def deliver(engine: Engine, settings: Settings, topic: Topic, now: datetime) -> delivery.DeliveryReport:
    return delivery.deliver(
        engine, settings, {**TOPICS, "reminders": topic}, clock=lambda: now, worker="test", sleep=lambda seconds: None
    )


def doubt(
    engine: Engine, simulator: Service, settings: Settings, topic: Topic, *, taken: bool, lateness_hours: float = 240
) -> None:
    """Ann's mail goes at noon and no answer comes; the provider took it, or did not."""
    members(engine, "ann")
    plan(engine, campaign_of(max_lateness_hours=lateness_hours), topic)
    strike(simulator, {"answer": "drop", "accepted": taken, "times": 1})
    assert deliver(engine, settings, topic, NOON).in_doubt == 1
    strike(simulator)


def strike(simulator: Service, *faults: dict[str, Any]) -> None:
    simulator.client.post("/simulator/faults", json={"delay_ms": 0, "faults": list(faults)}).raise_for_status()


def taken_of(simulator: Service) -> Counter[str]:
    """How often the simulator took each address: its own record, not ours."""
    found = simulator.client.get("/simulator/accepted", params={"limit": 1000}).json()
    return Counter(row["address"].partition("@")[0] for row in found["items"])


def accepted(engine: Engine, moments: Sequence[datetime], *, silent: int = 0, settled_by_event: bool = False) -> None:
    """Mails of other customers that the provider accepted at these moments. All have an event of their own but for the
    last `silent`; with `settled_by_event` only that event says that they were accepted. Some event is always newer."""
    heard = len(moments) - silent
    parameters = {
        "moments": list(moments),
        "heard": heard,
        "reason": "settled_by_event" if settled_by_event else None,
    }
    with engine.begin() as connection:
        first = rows(connection, "select 1000 + count(*) from message.message")[0][0]
        connection.execute(sa.text(PEERS), {**parameters, "first": first})
        connection.execute(sa.text(THEIR_EVENTS), {"first": first, "heard": heard})
        insert(connection, "event.batch", source_name="x", newest_at=NOON + timedelta(days=30))


PEERS = """
insert into message.message (
    message_id, enrollment_id, step, campaign, customer_id, topic, variant, priority, shell_id, state, reason,
    planned_at, not_before, expires_at, send_day, claimed_at, attempt_id, accepted_at, settled_at
)
select
    message.message_id(cast(:first as bigint) + n, 'reminder'), cast(:first as bigint) + n, 'reminder', 'other',
    'peer' || n, 'offers', 'default', 50, 1, 'accepted', cast(:reason as text),
    moment, moment, moment + interval '1 day', cast(moment as date), moment, 1000 + n, moment, moment
from unnest(cast(:moments as timestamptz[])) with ordinality as peer (moment, n)
"""
THEIR_EVENTS = """
insert into event.engagement (enrollment_id, step, message_id, campaign, customer_id, first_event_at, batch_id)
select enrollment_id, step, message_id, campaign, customer_id, accepted_at, 1
from message.message
where enrollment_id > cast(:first as bigint) and enrollment_id <= cast(:first as bigint) + cast(:heard as bigint)
"""


def every_half_hour(mails: int) -> list[datetime]:
    """Moments from half an hour before noon on, again from the beginning after 24 hours."""
    return [NOON + (n % 48 - 1) * 30 * MINUTE for n in range(mails)]


def events_come(engine: Engine, folder: Path, *events: bytes) -> None:
    """`events ingest` of a file with these."""
    name = f"events-{len(list(folder.glob('*.ndjson')))}.ndjson"
    (folder / name).write_bytes(b"\n".join(events) + b"\n")
    assert ingest(engine, folder, now=NOON + timedelta(days=30)).inserted == len(events)


def id_of_ann(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(rows(connection, "select message_id from message.message where customer_id = 'ann'")[0][0])


def ann(engine: Engine) -> set[tuple[Any, ...]]:
    return {row for row in states(engine) if row[0] == "ann"}


STRANGERS = {
    "of a stranger": {"email": "stranger@example.com", "lm_message_id": "ffffffff-ffff-4fff-8fff-ffffffffffff"},
    "of the provider's test button": {"email": "example@example.com", "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>"},
    "of another sender of the account": {"email": "stranger@example.com", "sg_message_id": "abc.filter-1"},
}


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("after", [48 * HOUR, 31 * 24 * HOUR], ids=["settle hours later", "in the future"])
@pytest.mark.parametrize("peers", [0, 40])
def test_a_newer_event_sends_nothing_again(
    warehouse: Engine, simulator: Service, settings: Settings, tmp_path: Path, who: str, after: timedelta, peers: int
) -> None:
    """The webhook was down, and the first event that comes is of a mail that is not ours, whatever its time. The mail
    in doubt was taken, and does not go twice."""
    doubt(warehouse, simulator, settings, RESEND, taken=True)
    accepted(warehouse, every_half_hour(peers), silent=peers)
    event = {"event": "processed", "sg_event_id": "x", "timestamp": int((NOON + after).timestamp()), **STRANGERS[who]}
    events_come(warehouse, tmp_path, orjson.dumps(event))
    report = deliver(warehouse, settings, RESEND, AFTER_THAT)
    assert ann(warehouse) == ANN_IN_DOUBT
    assert taken_of(simulator) == Counter(["ann"])
    reason = "events_missing" if peers else "too_few_to_judge"
    assert (report.waiting, report.abandoned) == (Counter({("reminders", reason): 1}), Counter())


@pytest.mark.parametrize(("silent", "expected"), [(1, ANN_ACCEPTED), (2, ANN_IN_DOUBT)])
def test_a_mail_goes_again_if_99_of_100_around_it_have_their_events(
    warehouse: Engine, simulator: Service, settings: Settings, silent: int, expected: set[Any]
) -> None:
    """If the mail had been taken, it would have an event as its neighbours do; with 98 of 100 it waits."""
    doubt(warehouse, simulator, settings, RESEND, taken=False)
    accepted(warehouse, every_half_hour(100), silent=silent)
    report = deliver(warehouse, settings, RESEND, AFTER_THAT)
    assert ann(warehouse) == expected
    assert taken_of(simulator) == Counter(["ann"] if silent == 1 else [])
    assert report.waiting == Counter({("reminders", "events_missing"): 1} if silent == 2 else {})
    assert report.settled_by_policy == (silent == 1)


def test_an_hour_without_any_event_is_a_gap(
    warehouse: Engine, simulator: Service, settings: Settings, tmp_path: Path
) -> None:
    """One mail of 201 was the only one accepted in its hour, and has no event: nothing goes again until an event
    comes."""
    doubt(warehouse, simulator, settings, RESEND, taken=False)
    accepted(warehouse, [NOON + 10 * MINUTE] * 200 + [NOON + 60 * MINUTE], silent=1)
    deliver(warehouse, settings, RESEND, AFTER_THAT)
    assert ann(warehouse) == ANN_IN_DOUBT
    with warehouse.connect() as connection:
        last = rows(connection, "select message_id from message.message where customer_id = 'peer201'")[0][0]
    events_come(warehouse, tmp_path, *processed_events([str(last)], int(NOON.timestamp())))
    deliver(warehouse, settings, RESEND, AFTER_THAT)
    assert ann(warehouse) == ANN_ACCEPTED
    assert taken_of(simulator) == Counter(["ann"])


def test_19_mails_are_too_few_to_judge(
    warehouse: Engine, simulator: Service, settings: Settings, tmp_path: Path
) -> None:
    """With 19 the mail waits until 72 hours after its attempt, is abandoned then, and the report names it; its own
    event still makes it accepted."""
    doubt(warehouse, simulator, settings, RESEND, taken=True)
    accepted(warehouse, every_half_hour(19))
    report = deliver(warehouse, settings, RESEND, NOON + 72 * HOUR - SECOND)
    assert ann(warehouse) == ANN_IN_DOUBT
    assert report.waiting == Counter({("reminders", "too_few_to_judge"): 1})
    report = deliver(warehouse, settings, RESEND, NOON + 72 * HOUR)
    assert ann(warehouse) == {("ann", "reminder", "abandoned", "too_few_to_judge")}
    assert (report.abandoned, report.waiting) == (Counter({("reminders", "too_few_to_judge"): 1}), Counter())
    assert report.counts()["abandoned:reminders:too_few_to_judge"] == 1
    assert report.doubts() == [
        "topic 'reminders': 1 mail(s) in doubt abandoned, too_few_to_judge: fewer than 20 mails were accepted around "
        "their attempts, too few to tell whether the provider's events come in"
    ]
    events_come(warehouse, tmp_path, *processed_events([id_of_ann(warehouse)], int(NOON.timestamp())))
    assert ann(warehouse) == {("ann", "reminder", "accepted", "settled_by_event")}
    assert taken_of(simulator) == Counter(["ann"])


def test_20_mails_suffice(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """All of 20 have their events: the mail goes again."""
    doubt(warehouse, simulator, settings, RESEND, taken=False)
    accepted(warehouse, every_half_hour(20))
    deliver(warehouse, settings, RESEND, AFTER_THAT)
    assert ann(warehouse) == ANN_ACCEPTED


@pytest.mark.parametrize(
    ("moment", "is_counted"),
    [
        (NOON - HOUR - SECOND, False), (NOON - HOUR, True), (NOON + 48 * HOUR - SECOND, True),
        (NOON + 48 * HOUR, False),
    ],
)  # fmt: skip
def test_the_window_begins_an_hour_before_and_ends_with_the_settle_hours(
    warehouse: Engine, simulator: Service, settings: Settings, moment: datetime, is_counted: bool
) -> None:
    """The twentieth mail counts only if it was accepted within the span."""
    doubt(warehouse, simulator, settings, RESEND, taken=False)
    accepted(warehouse, [*every_half_hour(19), moment])
    deliver(warehouse, settings, RESEND, AFTER_THAT)
    assert ann(warehouse) == (ANN_ACCEPTED if is_counted else ANN_IN_DOUBT)


def test_mails_that_an_event_settled_do_not_count(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """Such mails have an event by construction: a thousand of them hide no gap among mails that the provider's answer
    accepted."""
    doubt(warehouse, simulator, settings, RESEND, taken=True)
    accepted(warehouse, every_half_hour(1000), settled_by_event=True)
    assert deliver(warehouse, settings, RESEND, AFTER_THAT).waiting == Counter({("reminders", "too_few_to_judge"): 1})
    accepted(warehouse, every_half_hour(30), silent=5)
    assert deliver(warehouse, settings, RESEND, AFTER_THAT).waiting == Counter({("reminders", "events_missing"): 1})
    assert ann(warehouse) == ANN_IN_DOUBT
    assert taken_of(simulator) == Counter(["ann"])


def test_nothing_goes_again_while_the_provider_may_still_post_its_events(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """4 hours count as 25: the provider posts an event again for 24."""
    topic = topic_of(in_doubt="resend", settle_after_hours=4)
    doubt(warehouse, simulator, settings, topic, taken=False)
    accepted(warehouse, every_half_hour(40))
    deliver(warehouse, settings, topic, NOON + 25 * HOUR - SECOND)
    assert ann(warehouse) == ANN_IN_DOUBT
    deliver(warehouse, settings, topic, NOON + 25 * HOUR)
    assert ann(warehouse) == ANN_ACCEPTED


@pytest.mark.parametrize(("lateness_hours", "ends_after"), [(6, 72 * HOUR), (100, 100 * HOUR + SECOND)])
def test_a_mail_whose_neighbours_have_no_events_ends_named(
    warehouse: Engine, simulator: Service, settings: Settings, tmp_path: Path, lateness_hours: float,
    ends_after: timedelta,
) -> None:  # fmt: skip
    """Silence never sends a mail again. It is abandoned once it is stale and 72 hours have passed; a late event
    counts."""
    doubt(warehouse, simulator, settings, RESEND, taken=True, lateness_hours=lateness_hours)
    accepted(warehouse, every_half_hour(40), silent=40)
    report = deliver(warehouse, settings, RESEND, NOON + ends_after - SECOND)
    assert ann(warehouse) == ANN_IN_DOUBT
    assert report.waiting == Counter({("reminders", "events_missing"): 1})
    report = deliver(warehouse, settings, RESEND, NOON + ends_after)
    assert ann(warehouse) == {("ann", "reminder", "abandoned", "events_missing")}
    assert (report.abandoned, report.waiting) == (Counter({("reminders", "events_missing"): 1}), Counter())
    assert "1 mail(s) in doubt abandoned, events_missing" in report.doubts()[0]
    events_come(warehouse, tmp_path, *processed_events([id_of_ann(warehouse)], int(NOON.timestamp())))
    assert ann(warehouse) == {("ann", "reminder", "accepted", "settled_by_event")}
    assert taken_of(simulator) == Counter(["ann"])


def test_abandon_waits_for_its_hours_and_for_nothing_else(
    warehouse: Engine, simulator: Service, settings: Settings, tmp_path: Path
) -> None:
    """The feed is silent: the mail is abandoned at settle hours + 24, and is accepted if its event comes after all."""
    doubt(warehouse, simulator, settings, ABANDON, taken=True)
    deliver(warehouse, settings, ABANDON, NOON + 72 * HOUR - SECOND)
    assert ann(warehouse) == ANN_IN_DOUBT
    report = deliver(warehouse, settings, ABANDON, NOON + 72 * HOUR)
    assert ann(warehouse) == {("ann", "reminder", "abandoned", "no_evidence")}
    assert (report.settled_by_policy, report.abandoned) == (1, Counter({("reminders", "no_evidence"): 1}))
    events_come(warehouse, tmp_path, *processed_events([id_of_ann(warehouse)], int(NOON.timestamp())))
    assert ann(warehouse) == {("ann", "reminder", "accepted", "settled_by_event")}
    assert taken_of(simulator) == Counter(["ann"])


def test_abandon_is_not_brought_forward_by_events(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """All mails around it have their events: its own event may still come until 24 hours after its settle hours."""
    doubt(warehouse, simulator, settings, ABANDON, taken=False)
    accepted(warehouse, every_half_hour(40))
    deliver(warehouse, settings, ABANDON, NOON + 72 * HOUR - SECOND)
    assert ann(warehouse) == ANN_IN_DOUBT


def test_each_attempt_is_judged_by_itself(warehouse: Engine) -> None:
    """Three attempts a day apart: the covered mail goes again, one has a gap, one too few; each mail moves once."""
    members(warehouse, "ann", "bob", "cyd")
    plan(warehouse, campaign_of(max_lateness_hours=240), RESEND)
    moments = {"ann": NOON, "bob": NOON + 100 * HOUR, "cyd": NOON + 200 * HOUR}
    with warehouse.begin() as connection:
        for number, (name, at) in enumerate(moments.items()):
            connection.execute(
                sa.text(
                    "update message.message set state = 'in_doubt', reason = 'no_answer', claimed_at = :at,"
                    " attempt_id = :attempt where customer_id = :name"
                ),
                {"at": at, "name": name, "attempt": number},
            )
    accepted(warehouse, every_half_hour(40))
    accepted(warehouse, [at + 100 * HOUR for at in every_half_hour(40)], silent=3)
    with warehouse.begin() as connection:
        settled = settle_in_doubt(connection, RESEND, NOON + 272 * HOUR)
    ours = {row for row in states(warehouse) if row[0] in moments}
    assert ours == {
        ("ann", "reminder", "planned", "resend"),
        ("bob", "reminder", "abandoned", "events_missing"),
        ("cyd", "reminder", "abandoned", "too_few_to_judge"),
    }
    assert len(settled.again) == 1
    assert settled.abandoned == Counter(events_missing=1, too_few_to_judge=1)
    assert settled.waiting == Counter()


def test_each_mail_is_looked_at_once_however_many_attempts_it_tells_of(warehouse: Engine) -> None:
    """12 mails in doubt belong to 4 attempts within minutes, with 50 accepted mails around them. 50 events are looked
    up, each by its key, and no table is read through."""
    names = [f"c{number:02}" for number in range(12)]
    members(warehouse, *names)
    plan(warehouse, campaign_of(max_lateness_hours=240), RESEND)
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set state = 'in_doubt', reason = 'no_answer',"
            " attempt_id = mod(right(customer_id, 2)::int, 4),"
            " claimed_at = timestamptz '2026-03-02 12:00Z' + mod(right(customer_id, 2)::int, 4) * interval '1 minute'"
        )
    accepted(warehouse, every_half_hour(50))
    with warehouse.begin() as connection:
        connection.exec_driver_sql("set local enable_seqscan = off")
        before = looked_up(connection)
        settled = settle_in_doubt(connection, RESEND, AFTER_THAT)
        assert looked_up(connection) - before == Counter(by_key=50)
    assert len(settled.again) == 12


def looked_up(connection: Connection) -> Counter[str]:
    """How often this session looked for a mail's events by key, and read a table of mails or events through."""
    found = rows(
        connection,
        "select coalesce(sum(idx_scan) filter (where relname = 'engagement'), 0), sum(seq_scan)"
        " from pg_stat_xact_user_tables where schemaname in ('message', 'event')",
    )
    return Counter(by_key=int(found[0][0]), read_through=int(found[0][1]))
