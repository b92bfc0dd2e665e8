"""Suppressions in step with SendGrid's lists, both ways, against the simulator as a real process."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
import sqlalchemy as sa
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, load, rows
from lifecycle_mail import delivery
from lifecycle_mail.campaigns import Topic
from lifecycle_mail.command_line import commands
from lifecycle_mail.database import lock
from lifecycle_mail.errors import DeliveryRefused, SyncError
from lifecycle_mail.events import SyncReport, erase, pull, push
from lifecycle_mail.pipeline import Installation
from lifecycle_mail.sendgrid.suppression_lists import Listed, SuppressionLists
from lifecycle_mail.settings import Settings
from lifecycle_mail.sources import record_permission
from planning import BRAND, TOPICS, campaign_of, members, plan, states, topic_of
from running_services import API_KEY, Service, clean_environment, running_simulator, settle
from sendgrid_specification import needs_specification, suppression_specification
from suite_budget import with_long

HOUR = timedelta(hours=1)
REMINDERS, OFFERS, FOREIGN = 1001, 1002, 77
GROUPS = ("--group", f"{REMINDERS}:Reminders", "--group", f"{OFFERS}:Offers", "--group", f"{FOREIGN}:Magazine")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("simulator") / "record"
    with running_simulator(folder, "--post-every", "0.05", *GROUPS) as service:
        yield service


@pytest.fixture
def simulator(shared: Service) -> Service:
    """A strict account with three groups and nothing in it."""
    shared.client.post("/simulator/suppression-faults", json={}).raise_for_status()
    shared.client.post("/simulator/reset").raise_for_status()
    return shared


@pytest.fixture
def settings(simulator: Service, warehouse: Engine) -> Settings:
    return Settings(
        database_url=warehouse.url.render_as_string(hide_password=False),
        mode="simulate",
        sendgrid_api_key=API_KEY,
        sendgrid_base_url=simulator.url,
        request_timeout_seconds=2.0,
    )


def listed(
    simulator: Service, name: str | int, *addresses: str, at: datetime = NOON - HOUR, gone: bool = False
) -> None:
    """Put addresses on a list of the provider as of `at`, or take them off."""
    body = {"list": name, "emails": list(addresses), "created": int(at.timestamp())}
    simulator.client.request("DELETE" if gone else "POST", "/simulator/suppressions", json=body).raise_for_status()


def suppressions(engine: Engine) -> set[tuple[Any, ...]]:
    """(address before the @, scope, reason) of every suppression in force."""
    query = "select split_part(address, '@', 1), scope, reason from event.suppression where lifted_at is null"
    with engine.connect() as connection:
        return set(rows(connection, query))


def everything(engine: Engine) -> dict[str, Any]:
    """All that a synchronisation may change, with the version of every row: an update would show."""
    with engine.connect() as connection:
        return {
            table: sorted(rows(connection, f"select t.*, t.xmin from event.{table} as t"), key=str)  # noqa: S608
            for table in ("suppression", "provider_suppression")
        }


def members_of(simulator: Service, group: int) -> set[str]:
    return set(simulator.client.get(f"/v3/asm/groups/{group}/suppressions").json())


def global_list(simulator: Service) -> set[str]:
    return {row["email"] for row in simulator.client.get("/v3/suppression/unsubscribes").json()}


def lists_of(settings: Settings, **options: Any) -> SuppressionLists:
    return SuppressionLists(settings, **{"sleep": lambda seconds: None, **options})


def do_pull(engine: Engine, settings: Settings, now: datetime = NOON, **options: Any) -> SyncReport:
    with lists_of(settings, **options) as lists:
        return pull(engine, settings, TOPICS, now=now, lists=lists)


def do_push(
    engine: Engine, settings: Settings, now: datetime = NOON, topics: dict[str, Topic] = TOPICS, **options: Any
) -> SyncReport:
    with lists_of(settings, **options) as lists:
        return push(engine, settings, topics, now=now, lists=lists)


def left_topic(engine: Engine, address: str, topic: str = "reminders", at: datetime = NOON - HOUR) -> None:
    """A one-click unsubscribe that was ingested."""
    with engine.begin() as connection:
        insert(
            connection, "event.suppression", address=address, scope=f"topic:{topic}", reason="unsubscribed",
            suppressed_at=at, source="lm_unsubscribe",
        )  # fmt: skip


def withdrew(engine: Engine, customer_id: str, origin: str, at: datetime = NOON - HOUR) -> None:
    with engine.begin() as connection:
        customer(connection, customer_id)
        record_permission(connection, customer_id, "withdrawn", at, origin)


# Pull


def test_each_list_means_what_the_webhook_would_say(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """Reasons and scopes are those of the events. A block suppresses no customer. A group without a topic
    is a scope of its own."""
    listed(simulator, "bounces", "Bounced@Example.com")
    listed(simulator, "blocks", "blocked@example.com")
    listed(simulator, "invalid_emails", "invalid@example.com")
    listed(simulator, "spam_reports", "complained@example.com")
    listed(simulator, "unsubscribes", "left@example.com")
    listed(simulator, REMINDERS, "grouped@example.com")
    listed(simulator, FOREIGN, "foreign@example.com")
    report = do_pull(warehouse, settings)
    assert suppressions(warehouse) == {
        ("bounced", "all", "hard_bounce"),
        ("invalid", "all", "dropped"),
        ("complained", "all", "complaint"),
        ("left", "all", "unsubscribed"),
        ("grouped", "topic:reminders", "unsubscribed"),
        ("foreign", "group:77", "unsubscribed"),
    }
    assert report == SyncReport(listed=7, blocks=1, suppressed=6)
    with warehouse.connect() as connection:
        said = rows(connection, "select distinct suppressed_at, source from event.suppression")
    assert said == [(NOON - HOUR, "sync")]


def test_a_second_pull_changes_no_row(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """Windows overlap, and reading a row again writes nothing at all."""
    listed(simulator, "bounces", *(f"b{n}@example.com" for n in range(20)))
    listed(simulator, REMINDERS, "grouped@example.com")
    do_pull(warehouse, settings, rows_a_page=3)
    before = everything(warehouse)
    again = do_pull(warehouse, settings, now=NOON + HOUR, rows_a_page=3)
    assert again == SyncReport(listed=21)
    assert everything(warehouse) == before


def test_windows_overlap_by_a_day_and_close_in_the_past(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """A row that appears late, with a time up to a day back, is found by the next run. A row younger than five minutes
    waits for the next run. A row older than the overlap was read by an earlier run and is not requested again."""
    do_pull(warehouse, settings)
    listed(simulator, "bounces", "late@example.com", at=NOON - 24 * HOUR)
    listed(simulator, "bounces", "fresh@example.com", at=NOON + HOUR - timedelta(minutes=4))
    listed(simulator, "bounces", "old@example.com", at=NOON - 48 * HOUR)
    do_pull(warehouse, settings, now=NOON + HOUR)
    assert {row[0] for row in suppressions(warehouse)} == {"late"}
    do_pull(warehouse, settings, now=NOON + 2 * HOUR)
    assert {row[0] for row in suppressions(warehouse)} == {"late", "fresh"}


def test_an_earlier_moment_never_moves_the_mark_back(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """A run for an old moment reads nothing newer than the moment and does not move the mark."""
    marks = "select list_name, covered_until from event.sync_progress order by list_name"
    do_pull(warehouse, settings)
    with warehouse.connect() as connection:
        before = rows(connection, marks)
    do_pull(warehouse, settings, now=NOON - 48 * HOUR)
    with warehouse.connect() as connection:
        assert rows(connection, marks) == before
    close = NOON - timedelta(minutes=5)
    assert dict(before) == {
        **dict.fromkeys(("blocks", "bounces", "invalid_emails", "spam_reports", "unsubscribes"), close),
        "groups": NOON,
    }


class Meddling(SuppressionLists):
    """Between any two pages something happens at the provider."""

    def __init__(self, settings: Settings, meddle: Callable[[int], None], rows_a_page: int) -> None:
        super().__init__(settings, rows_a_page=rows_a_page, sleep=lambda seconds: None)
        self.meddle, self.pages = meddle, 0

    def page(self, list_name: str, start_epoch: int, end_epoch: int, offset: int) -> list[Listed]:
        found = super().page(list_name, start_epoch, end_epoch, offset)
        if list_name == "bounces" and found:
            self.pages += 1
            self.meddle(self.pages)
        return found


@pytest.mark.parametrize("apart_seconds", [0, 60], ids=["one second", "spread"])
@pytest.mark.parametrize("when", [1, 2, 3, 5])
@pytest.mark.parametrize("what", ["deleted", "added", "both"])
def test_rows_come_and_go_while_pages_are_read(
    warehouse: Engine, simulator: Service, settings: Settings, what: str, when: int, apart_seconds: int
) -> None:
    """A row is taken off, or put on with a time inside the window, or both, after any page. All rows that stayed are
    suppressed, whether the rows fit windows of a page or crowd one second."""
    names = [f"b{n:02}" for n in range(14)]
    for place, name in enumerate(names):
        listed(simulator, "bounces", f"{name}@example.com", at=NOON - HOUR + timedelta(seconds=place * apart_seconds))

    def meddle(page: int) -> None:
        if page != when:
            return
        if what in ("deleted", "both"):
            listed(simulator, "bounces", "b13@example.com", "b00@example.com", gone=True)
        if what in ("added", "both"):
            listed(simulator, "bounces", "late@example.com", at=NOON - HOUR)

    with Meddling(settings, meddle, rows_a_page=4) as lists:
        report = pull(warehouse, settings, TOPICS, now=NOON, lists=lists)
    assert lists.pages >= when
    found = {row[0] for row in suppressions(warehouse)}
    assert set(names) - {"b00", "b13"} <= found
    assert found <= {*names, "late"}
    assert report.unsettled == 0


def test_a_second_that_never_holds_still_keeps_the_mark(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """All rows seen are suppressed, the report says so, and the next run reads that window again."""
    listed(simulator, "bounces", *(f"b{n}@example.com" for n in range(9)))

    def meddle(page: int) -> None:
        listed(simulator, "bounces", f"late{page}@example.com", at=NOON - HOUR)

    with Meddling(settings, meddle, rows_a_page=4) as lists:
        report = pull(warehouse, settings, TOPICS, now=NOON, lists=lists)
    assert report.unsettled == 1
    assert {f"b{n}" for n in range(9)} <= {row[0] for row in suppressions(warehouse)}
    with warehouse.connect() as connection:
        marks = dict(rows(connection, "select list_name, covered_until from event.sync_progress"))
    assert marks.get("bounces", NOON - 2 * HOUR) < NOON - HOUR
    assert do_pull(warehouse, settings).unsettled == 0


def test_a_lifted_suppression_stays_lifted(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """A customer who asked for mail again, or whom an operator let in, is not suppressed by an older row of a list; a
    newer row counts. A row that is gone from a list lifts nothing."""
    for name in ("back", "again"):
        left_topic(warehouse, f"{name}@example.com", at=NOON - 3 * HOUR)
    with warehouse.begin() as connection:
        connection.execute(
            sa.text("update event.suppression set lifted_at = :at"), {"at": NOON - 2 * HOUR}
        )
        insert(
            connection, "event.resubscription", address="asked@example.com", scope="topic:reminders",
            resubscribed_at=NOON - 2 * HOUR, batch_id=1,
        )  # fmt: skip
    listed(simulator, REMINDERS, "back@example.com", "asked@example.com", at=NOON - 3 * HOUR)
    listed(simulator, REMINDERS, "again@example.com", at=NOON - HOUR)
    listed(simulator, "spam_reports", "complained@example.com")
    do_pull(warehouse, settings)
    assert suppressions(warehouse) == {
        ("again", "topic:reminders", "unsubscribed"),
        ("complained", "all", "complaint"),
    }
    listed(simulator, "spam_reports", "complained@example.com", gone=True)
    listed(simulator, REMINDERS, "again@example.com", gone=True)
    do_pull(warehouse, settings, now=NOON + HOUR)
    assert ("complained", "all", "complaint") in suppressions(warehouse)
    assert ("again", "topic:reminders", "unsubscribed") in suppressions(warehouse)


def test_who_was_erased_is_not_learned_again(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """The provider still lists an erased person; their address does not come back, nor is anything pushed."""
    with warehouse.begin() as connection:
        customer(connection, "ann")
        customer(connection, "bob")
    left_topic(warehouse, "ann@example.com")
    installation = Installation(settings, warehouse, TOPICS, BRAND)
    do_push(warehouse, settings)
    assert installation.erase("ann", NOON)
    listed(simulator, "bounces", "ann@example.com", "bob@example.com")
    do_pull(warehouse, settings)
    do_push(warehouse, settings)
    assert suppressions(warehouse) == {("bob", "all", "hard_bounce")}
    with warehouse.connect() as connection:
        assert rows(connection, "select address from event.provider_suppression") == []


def test_a_push_beside_an_erasure_waits_for_it(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """An opt-out is not queued from the state before an erasure that is under way, nor pushed to SendGrid."""
    left_topic(warehouse, "ann@example.com")
    left_topic(warehouse, "bob@example.com")
    waiting = (
        "select count(*) from pg_locks where locktype = 'advisory' and not granted and database ="
        " (select oid from pg_database where datname = current_database())"
    )
    with ThreadPoolExecutor(1) as pool:
        with warehouse.begin() as erasing:
            lock(erasing, "ingest")
            erase(erasing, "ann", "ann@example.com")
            pushing = pool.submit(do_push, warehouse, settings)
            with warehouse.connect() as watching:
                while not pushing.done() and rows(watching, waiting) == [(0,)]:
                    time.sleep(0.02)
        assert pushing.result() == SyncReport(pushed=1)
    assert members_of(simulator, REMINDERS) == {"bob@example.com"}
    with warehouse.connect() as connection:
        assert rows(connection, "select address from event.provider_suppression") == [("bob@example.com",)]


def test_a_suppressed_person_is_not_mailed_though_the_webhook_was_silent(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """Mails were planned; the pull says who must not get them; the claim obeys."""
    members(warehouse, "ann", "bob", "cat", "dan")
    plan(warehouse, campaign_of(), topic_of())
    listed(simulator, "bounces", "ann@example.com")
    listed(simulator, REMINDERS, "bob@example.com")
    listed(simulator, OFFERS, "cat@example.com")
    do_pull(warehouse, settings)
    topics = {**TOPICS, "reminders": topic_of()}
    delivery.deliver(warehouse, settings, topics, clock=lambda: NOON, worker="test", sleep=lambda seconds: None)
    found = simulator.client.get("/simulator/accepted").json()["items"]
    assert {row["address"] for row in found} == {"cat@example.com", "dan@example.com"}
    assert {row[0] for row in states(warehouse) if row[2] == "cancelled"} == {"ann", "bob"}


# Push


def test_own_words_are_pushed_and_nothing_else(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """Leaving a topic goes to its group, and withdrawing everything goes to the global list. Sunset, an operator's
    word, bounces, complaints, lifted rows and erased people are not pushed."""
    for name in ("ann", "bob"):
        left_topic(warehouse, f"{name}@example.com")
    left_topic(warehouse, "bob@example.com", "offers")
    withdrew(warehouse, "cat", "preference_centre")
    withdrew(warehouse, "dan", "sunset")
    withdrew(warehouse, "eve", "unsubscribe")
    with warehouse.begin() as connection:
        record_permission(connection, "eve", "confirmed", NOON, "confirmation")
        for name, reason in (("s", "sunset"), ("o", "operator"), ("h", "hard_bounce"), ("c", "complaint")):
            insert(
                connection, "event.suppression", address=f"{name}@example.com", scope="all", reason=reason,
                suppressed_at=NOON - HOUR, source="test",
            )  # fmt: skip
    left_topic(warehouse, "lifted@example.com")
    with warehouse.begin() as connection:
        connection.execute(
            sa.text("update event.suppression set lifted_at = now() where address like 'lifted%'")
        )
    report = do_push(warehouse, settings)
    assert report == SyncReport(pushed=4)
    assert members_of(simulator, REMINDERS) == {"ann@example.com", "bob@example.com"}
    assert members_of(simulator, OFFERS) == {"bob@example.com"}
    assert global_list(simulator) == {"cat@example.com"}


def test_a_withdrawal_in_the_feed_is_the_persons_word(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """The shop's own record of a withdrawal is pushed to the global list, unless another customer of that address
    said yes later."""
    with warehouse.begin() as connection:
        for customer_id, address in (("ann", "ann@example.com"), ("bob", "both@example.com")):
            customer(
                connection, customer_id, email=address, permission="withdrawn", permission_at=NOON - 2 * HOUR
            )
            insert(
                connection, "source.permission_change", customer_id=customer_id, permission="withdrawn",
                permission_at=NOON - 2 * HOUR, origin="feed", load_id=load(connection),
            )  # fmt: skip
        customer(connection, "bea", email="both@example.com", permission_at=NOON - HOUR)
    do_push(warehouse, settings)
    assert global_list(simulator) == {"ann@example.com"}


def test_who_left_at_a_former_address_has_left_at_the_present_one(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """Both addresses go to the group."""
    with warehouse.begin() as connection:
        customer(connection, "ann", email="old@example.com")
        connection.execute(sa.text("update source.customer set email = 'new@example.com'"))
    left_topic(warehouse, "old@example.com")
    do_push(warehouse, settings)
    assert members_of(simulator, REMINDERS) == {"old@example.com", "new@example.com"}


def test_a_second_push_asks_nothing(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """An opt-out is pushed once. If it is said again after a return, it is pushed again. What SendGrid reported is not
    pushed back."""
    left_topic(warehouse, "ann@example.com")
    listed(simulator, REMINDERS, "theirs@example.com", at=NOON - HOUR)
    do_pull(warehouse, settings)
    assert do_push(warehouse, settings).pushed == 1
    assert do_push(warehouse, settings, now=NOON + HOUR) == SyncReport()
    again = {"at": NOON + 2 * HOUR}
    with warehouse.begin() as connection:
        connection.execute(
            sa.text("update event.suppression set last_suppressed_at = :at where address like 'ann%'"), again
        )
    assert do_push(warehouse, settings, now=NOON + 3 * HOUR).pushed == 1
    assert members_of(simulator, REMINDERS) == {"ann@example.com", "theirs@example.com"}


def test_our_own_push_does_not_come_back_as_a_new_word(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """The list gives the time of the push, so it does not suppress a customer who comes back afterwards."""
    now = datetime.now(UTC)
    withdrew(warehouse, "cat", "preference_centre", at=now - HOUR)
    left_topic(warehouse, "ann@example.com", at=now - HOUR)
    before = suppressions(warehouse)
    do_push(warehouse, settings, now=now)
    assert global_list(simulator) == {"cat@example.com"}
    do_pull(warehouse, settings, now=now + HOUR)
    assert suppressions(warehouse) == before
    with warehouse.begin() as connection:
        record_permission(connection, "cat", "confirmed", now + HOUR, "confirmation")
    do_pull(warehouse, settings, now=now + 2 * HOUR)
    assert suppressions(warehouse) == before


class Slow(SuppressionLists):
    """A provider that takes twenty minutes for each request of a push, by a clock of the test."""

    def __init__(self, settings: Settings, simulator: Service) -> None:
        super().__init__(settings, sleep=lambda seconds: None)
        self.simulator, self.at = simulator, NOON

    def add(self, group_id: int, addresses: Sequence[str]) -> None:
        self.at += timedelta(minutes=20)
        listed(self.simulator, group_id or "unsubscribes", *addresses, at=self.at)


def test_a_slow_push_does_not_come_back_as_a_new_word(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """An opt-out that SendGrid took twenty minutes or more after the run began counts from the moment it was taken. So
    a customer who returned before stays returned; a word said at SendGrid later than that counts."""
    left_topic(warehouse, "ann@example.com")
    withdrew(warehouse, "cat", "preference_centre")
    before = suppressions(warehouse)
    with Slow(settings, simulator) as lists:
        push(warehouse, settings, TOPICS, now=NOON, clock=lambda: lists.at, lists=lists)
    with warehouse.begin() as connection:
        taken = rows(connection, "select group_id, requested_at, pushed_at from event.provider_suppression")
        record_permission(connection, "cat", "confirmed", NOON, "confirmation")
    first, second = (NOON + timedelta(minutes=minutes) for minutes in (20, 40))
    assert set(taken) == {(0, NOON, first), (REMINDERS, NOON, second)}
    do_pull(warehouse, settings, now=NOON + 3 * HOUR)
    assert suppressions(warehouse) == before
    listed(simulator, "unsubscribes", "cat@example.com", gone=True)
    listed(simulator, "unsubscribes", "cat@example.com", at=first + timedelta(minutes=11))
    do_pull(warehouse, settings, now=NOON + 4 * HOUR)
    assert suppressions(warehouse) == {*before, ("cat", "all", "unsubscribed")}


def test_the_command_line_reads_the_clock_anew_for_the_push(
    warehouse: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an earlier read nor an earlier push makes the moment of a push older than it is."""
    moments = iter(NOON + timedelta(minutes=20) * place for place in range(9))
    told: list[datetime] = []

    def pulled(_self: Installation, now: datetime) -> SyncReport:
        told.append(now)
        return SyncReport()

    def pushed(_self: Installation, now: datetime, clock: Callable[[], datetime]) -> SyncReport:
        told.extend((now, clock(), clock()))
        return SyncReport()

    monkeypatch.setattr(commands, "present", lambda: next(moments))
    monkeypatch.setattr(commands, "_open", lambda: Installation(settings, warehouse, TOPICS, BRAND))
    monkeypatch.setattr(Installation, "pull_suppressions", pulled)
    monkeypatch.setattr(Installation, "push_suppressions", pushed)
    commands.suppressions_sync(None)
    assert told == [NOON + timedelta(minutes=20) * place for place in range(4)]


def test_another_systems_mail_is_dropped_after_the_push(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """SendGrid drops customers who left by our link when another system on the account mails that group."""
    left_topic(warehouse, "deliver+ann@example.com")
    withdrew(warehouse, "cat", "unsubscribe")
    do_push(warehouse, settings)
    mail = {
        "personalizations": [
            {"to": [{"email": one}]}
            for one in ("deliver+ann@example.com", "deliver+bob@example.com", "cat@example.com")
        ],
        "from": {"email": "shop@example.com"}, "subject": "Magazine", "asm": {"group_id": REMINDERS},
        "content": [{"type": "text/plain", "value": "x"}],
    }  # fmt: skip
    assert simulator.client.post("/v3/mail/send", json=mail).status_code == 202
    counted = settle(simulator)["events"]
    assert (counted["dropped"], counted["delivered"]) == (2, 1)


def test_the_provider_puts_members_of_no_group_on_its_global_list(simulator: Service) -> None:
    """The published specification is why a group is looked up before anything is pushed to it."""
    body = {"recipient_emails": ["ann@example.com"]}
    assert simulator.client.post("/v3/asm/groups/4040/suppressions", json=body).status_code == 201
    assert global_list(simulator) == {"ann@example.com"}


def test_a_group_that_is_gone_is_refused_and_the_rest_goes(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """SendGrid would put these addresses on the global list: they wait instead, and the error names the topic."""
    left_topic(warehouse, "ann@example.com")
    left_topic(warehouse, "bob@example.com", "offers")
    topics = {**TOPICS, "offers": TOPICS["offers"].model_copy(update={"sendgrid_group_id": 4040})}
    with pytest.raises(SyncError, match=r"no unsubscribe group 4040 \(topic offers\)"):
        do_push(warehouse, settings, topics=topics)
    assert members_of(simulator, REMINDERS) == {"ann@example.com"}
    assert global_list(simulator) == set()
    assert do_push(warehouse, settings).pushed == 1
    assert members_of(simulator, OFFERS) == {"bob@example.com"}


def test_an_address_the_provider_refuses_keeps_nobody_waiting(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """One text that SendGrid does not accept as an address is set apart and not offered again; the others arrive."""
    for number in range(9):
        left_topic(warehouse, f"ann{number}@example.com")
    left_topic(warehouse, "no address")
    assert do_push(warehouse, settings) == SyncReport(pushed=9, refused=1)
    assert members_of(simulator, REMINDERS) == {f"ann{number}@example.com" for number in range(9)}
    assert do_push(warehouse, settings) == SyncReport()


class Refusing(httpx.HTTPTransport):
    """A provider that answers 400 to every push to one group, and quotes the addresses that it was given."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and f"/groups/{REMINDERS}/" in request.url.path:
            told = ", ".join(orjson.loads(request.content)["recipient_emails"])
            return httpx.Response(400, json={"errors": [{"message": f"group is locked: {told.title()}"}]})
        return super().handle_request(request)


def test_a_refusal_of_everybody_marks_nobody(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """The request itself is wrong: the run fails with the list and what SendGrid says, without addresses. The other
    lists are pushed, and the next run pushes everything again."""
    for address in ("ann@example.com", "bob@example.com", "no address"):
        left_topic(warehouse, address)
    left_topic(warehouse, "cat@example.com", "offers")
    with pytest.raises(SyncError, match=r"group 1001 \(topic reminders\) \(400: .*group is locked") as caught:
        do_push(warehouse, settings, transport=Refusing())
    said = str(caught.value).lower()
    assert "\n" not in said
    for address in ("ann@", "bob@", "no address", "example.com"):
        assert address not in said
    with warehouse.connect() as connection:
        marked = rows(
            connection,
            "select address from event.provider_suppression where coalesce(refused_at, pushed_at) is not null",
        )
    assert marked == [("cat@example.com",)]
    assert members_of(simulator, OFFERS) == {"cat@example.com"}
    assert do_push(warehouse, settings) == SyncReport(pushed=2, refused=1)
    assert members_of(simulator, REMINDERS) == {"ann@example.com", "bob@example.com"}


# The network, the modes, what is reported


FAULTS: dict[str, dict[str, Any]] = {
    "429": {"answer": "status", "status": 429, "times": 2},
    "429 without headers": {"answer": "status", "status": 429, "times": 2, "rate_headers": False},
    "500 after the act": {"answer": "status", "status": 500, "times": 3, "accepted": True},
    "503 garbage": {"answer": "status", "status": 503, "times": 3, "body": "garbage"},
    "reset": {"answer": "reset", "times": 3},
    "drop after the act": {"answer": "drop", "times": 3, "accepted": True},
    "timeout": {"answer": "hang", "times": 1, "seconds": 5},
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_tried_again(warehouse: Engine, simulator: Service, settings: Settings, name: str) -> None:
    """Whatever goes wrong for a while, the sets at the end are exact on both sides."""
    listed(simulator, "bounces", *(f"b{n}@example.com" for n in range(7)))
    left_topic(warehouse, "ann@example.com")
    waits: list[float] = []
    for action in (do_pull, do_push):
        simulator.client.post("/simulator/suppression-faults", json={"faults": [FAULTS[name]]}).raise_for_status()
        action(warehouse, settings, rows_a_page=3, sleep=waits.append)
        simulator.client.post("/simulator/suppression-faults", json={}).raise_for_status()
    assert suppressions(warehouse) == {
        *((f"b{n}", "all", "hard_bounce") for n in range(7)),
        ("ann", "topic:reminders", "unsubscribed"),
    }
    assert members_of(simulator, REMINDERS) == {"ann@example.com"}
    assert len(waits) == 2 * FAULTS[name]["times"]
    assert all(0 < wait <= 60 for wait in waits)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"answer": "status", "status": 503}, "no answer to GET"),
        ({"answer": "status", "status": 403}, "refused the key"),
        ({"answer": "status", "status": 404}, "answered 404"),
        ({"answer": "status", "status": 200, "body": "garbage"}, "has no JSON"),
    ],
)
def test_lasting_faults_are_one_readable_line(
    warehouse: Engine, simulator: Service, settings: Settings, fault: dict[str, Any], told: str
) -> None:
    """The error says what was wrong and in which call, without key or address, and the mark does not move."""
    simulator.client.post("/simulator/suppression-faults", json={"faults": [fault]}).raise_for_status()
    with pytest.raises(SyncError, match=told) as caught:
        do_pull(warehouse, settings)
    assert "\n" not in str(caught.value)
    assert API_KEY not in str(caught.value)
    with warehouse.connect() as connection:
        assert rows(connection, "select * from event.sync_progress") == []


class Failing(httpx.HTTPTransport):
    """A provider that answers 404 for the lists named."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.paths = {f"/v3/suppression/{name}" for name in names}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(404) if request.url.path in self.paths else super().handle_request(request)


def test_a_list_that_fails_keeps_no_other_from_being_read(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """The lists after the failing one are read and their marks move. The run fails at its end with the names of the
    lists that were not read. Their marks stay, so that the next run reads them."""
    listed(simulator, "bounces", "bounced@example.com")
    listed(simulator, "unsubscribes", "left@example.com")
    listed(simulator, REMINDERS, "grouped@example.com")
    with pytest.raises(SyncError, match=r"lists bounces, blocks could not be read \(any.*answered 404") as caught:
        do_pull(warehouse, settings, transport=Failing("bounces", "blocks"))
    assert "\n" not in str(caught.value)
    rest = {("left", "all", "unsubscribed"), ("grouped", "topic:reminders", "unsubscribed")}
    assert suppressions(warehouse) == rest
    with warehouse.connect() as connection:
        marked = set(rows(connection, "select list_name from event.sync_progress"))
    assert marked == {(name,) for name in ("invalid_emails", "spam_reports", "unsubscribes", "groups")}
    do_pull(warehouse, settings)
    assert suppressions(warehouse) == {*rest, ("bounced", "all", "hard_bounce")}


def test_preview_asks_nobody(warehouse: Engine, settings: Settings) -> None:
    """Without a provider there is no request, no change and no stamp."""
    quiet = Settings(database_url=settings.database_url, sendgrid_base_url="http://127.0.0.1:9")
    left_topic(warehouse, "ann@example.com")
    assert pull(warehouse, quiet, TOPICS, now=NOON) == SyncReport()
    assert push(warehouse, quiet, TOPICS, now=NOON) == SyncReport()
    with warehouse.connect() as connection:
        assert rows(connection, "select * from installation.fact where name = 'delivery_mode'") == []
        assert rows(connection, "select * from event.provider_suppression") == []


@pytest.mark.parametrize("action", [pull, push])
def test_the_guards_of_delivery_hold(
    warehouse: Engine, settings: Settings, action: Callable[..., SyncReport]
) -> None:
    """Live needs a key and real values; simulate needs a simulator; a database stamped live refuses simulate."""
    url = settings.database_url
    for wrong in (
        Settings(database_url=url, mode="live"),
        Settings(database_url=url, mode="simulate"),
        Settings(database_url=url, mode="simulate", sendgrid_base_url="https://api.sendgrid.com"),
    ):
        with pytest.raises(DeliveryRefused):
            action(warehouse, wrong, TOPICS, now=NOON)
    with warehouse.begin() as connection:
        insert(connection, "installation.fact", name="delivery_mode", value='"live"')
    with pytest.raises(DeliveryRefused, match="delivers in mode 'live'"):
        action(warehouse, settings, TOPICS, now=NOON)


def test_logs_hold_neither_addresses_nor_the_key(
    warehouse: Engine, simulator: Service, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG, over everything: pulls, pushes, tries again."""
    caplog.set_level(logging.DEBUG)
    listed(simulator, "bounces", "bounced@example.com")
    left_topic(warehouse, "ann@example.com")
    fault = {"answer": "status", "status": 503, "times": 1}
    simulator.client.post("/simulator/suppression-faults", json={"faults": [fault]}).raise_for_status()
    do_pull(warehouse, settings)
    do_push(warehouse, settings)
    assert "trying again" in caplog.text
    for secret in ("bounced@", "ann@", API_KEY):
        assert secret not in caplog.text


@needs_specification
def test_requests_and_answers_conform_to_the_specification(
    warehouse: Engine, simulator: Service, settings: Settings
) -> None:
    """The published specification describes every request of a pull and a push, and every answer to it."""
    specification = OpenAPI.from_dict(suppression_specification())
    asked: set[tuple[str, str]] = set()

    class Judged(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            response.read()
            mock = MockRequest(
                "https://api.sendgrid.com", request.method, request.url.path,
                args=dict(request.url.params), headers=dict(request.headers), data=request.content or None,
                content_type=request.headers.get("content-type", "application/json"),
            )  # fmt: skip
            specification.validate_request(mock)
            answer = MockResponse(response.content, response.status_code, content_type="application/json")
            specification.validate_response(mock, answer)
            asked.add((request.method, request.url.path))
            return response

    for name in ("bounces", "blocks", "invalid_emails", "spam_reports", "unsubscribes", REMINDERS):
        listed(simulator, name, "one@example.com", "two@example.com")
    left_topic(warehouse, "ann@example.com")
    withdrew(warehouse, "cat", "unsubscribe")
    do_pull(warehouse, settings, transport=Judged(), rows_a_page=1)
    do_push(warehouse, settings, transport=Judged())
    assert asked == {
        *(("GET", f"/v3/suppression/{name}")
          for name in ("bounces", "blocks", "invalid_emails", "spam_reports", "unsubscribes")),
        ("GET", "/v3/asm/suppressions"), ("GET", "/v3/asm/groups"),
        ("POST", "/v3/asm/suppressions/global"), ("POST", f"/v3/asm/groups/{REMINDERS}/suppressions"),
    }  # fmt: skip


# kill -9


KILLED = """
import os, signal, sys
from datetime import datetime
from lifecycle_mail.events import suppression_sync as sync
from lifecycle_mail.pipeline import open_installation
from lifecycle_mail.sendgrid import suppression_lists as lists
from lifecycle_mail.settings import Settings

point, number = sys.argv[1], int(sys.argv[2])
def counting(name, act, after):
    left = [number]
    def counted(*args, **options):
        result = act(*args, **options)
        if after(args):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
        return result
    return counted
if point == "post":
    lists.SuppressionLists.add = counting(point, lists.SuppressionLists.add, lambda args: True)
elif point == "request":
    lists.SuppressionLists._ask = counting(point, lists.SuppressionLists._ask, lambda args: True)
else:
    sync.run = counting(point, sync.run, lambda args: args[1] == point)
lists.SuppressionLists.__init__.__kwdefaults__["rows_a_page"] = 4
sync.ROWS_A_STEP = 5
system = open_installation(Settings.from_environment(os.environ))
now = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
print(system.pull_suppressions(now).plus(system.push_suppressions(now)).counts())
"""


def synchronise(settings: Settings, point: str, number: int) -> int:
    """Pull and push in a process of its own; return its exit status (-9 = it met its kill)."""
    environment = clean_environment(
        LIFECYCLE_DATABASE_URL=settings.database_url, LIFECYCLE_MODE="simulate",
        SENDGRID_API_KEY=API_KEY, SENDGRID_BASE_URL=settings.sendgrid_base_url,
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", KILLED, point, str(number)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode in (0, -9), done.stderr
    return done.returncode


# Each kind of point once, and again at other times.
KILLS = [
    ("request", 9), ("events/fold_listed", 1), ("events/hold_listed", 2), ("events/record_sync_progress", 1),
    ("events/queue_opt_outs", 1), ("events/finish_push", 1), ("post", 1),
]  # fmt: skip
MORE_KILLS = [
    ("request", 1), ("request", 3), ("request", 16), ("request", 24), ("events/fold_listed", 3),
    ("events/record_sync_progress", 3), ("events/finish_push", 2), ("post", 2),
]  # fmt: skip


@pytest.mark.parametrize(("point", "number"), with_long(KILLS, MORE_KILLS))
def test_a_kill_at_any_point_and_another_run_give_the_exact_sets(
    warehouse: Engine, simulator: Service, settings: Settings, point: str, number: int
) -> None:
    """kill -9 between pages, between pages and commit, between SendGrid's answer and the ledger: the next run ends
    with exactly the suppressions and lists that an undisturbed run gives."""
    long_ago = NOON - 240 * HOUR  # before the overlap: a mark that moved without its rows would lose them
    for place in range(13):
        listed(simulator, "bounces", f"b{place}@example.com", at=long_ago + timedelta(hours=place * 5))
    listed(simulator, "spam_reports", "complained@example.com", at=long_ago)
    listed(simulator, "unsubscribes", *(f"u{place}@example.com" for place in range(6)), at=long_ago)
    listed(simulator, OFFERS, "grouped@example.com", at=long_ago)
    left_topic(warehouse, "ann@example.com")
    withdrew(warehouse, "cat", "unsubscribe")
    assert synchronise(settings, point, number) == -9, "the run was over before its kill: the test proves nothing"
    assert synchronise(settings, "never", 1) == 0
    assert suppressions(warehouse) == {
        *((f"b{place}", "all", "hard_bounce") for place in range(13)),
        *((f"u{place}", "all", "unsubscribed") for place in range(6)),
        ("complained", "all", "complaint"),
        ("grouped", "topic:offers", "unsubscribed"),
        ("ann", "topic:reminders", "unsubscribed"),
    }
    assert members_of(simulator, REMINDERS) == {"ann@example.com"}
    assert global_list(simulator) == {"cat@example.com", *(f"u{place}@example.com" for place in range(6))}
    with warehouse.connect() as connection:
        waiting = rows(
            connection,
            "select address from event.provider_suppression"
            " where requested_at is not null and pushed_at is null",
        )
    assert waiting == []


def test_the_command_line_does_it(warehouse: Engine, simulator: Service, settings: Settings) -> None:
    """`suppressions sync` pulls and pushes, and prints numbers alone."""
    listed(simulator, "bounces", "bounced@example.com")
    left_topic(warehouse, "ann@example.com")
    environment = clean_environment(
        LIFECYCLE_DATABASE_URL=settings.database_url, LIFECYCLE_MODE="simulate",
        SENDGRID_API_KEY=API_KEY, SENDGRID_BASE_URL=settings.sendgrid_base_url, COLUMNS="200",
    )  # fmt: skip
    command = [sys.executable, "-m", "lifecycle_mail", "suppressions", "sync", "--now", "2026-03-02T12:00:00Z"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "@" not in done.stdout + done.stderr
    assert ("bounced", "all", "hard_bounce") in suppressions(warehouse)
    assert members_of(simulator, REMINDERS) == {"ann@example.com"}
