"""An erasure concerns one person. Another who has or shares the mailbox stays, and what they said stands."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import builders
from builders import NOON, rows
from lifecycle_mail import delivery
from lifecycle_mail.database import run
from lifecycle_mail.messages import erase_slots
from lifecycle_mail.sources import load_feeds
from mailbox_world import SECRET, World
from planning import campaign_of, decided, member, plan, states, topic_of
from privacy import columns_of
from running_services import Service

INFO, MOVED = "info@example.com", "a.new@example.com"
EPOCH = int(NOON.timestamp())
HEADER = "customer_id,email,created_at,last_name,timezone,permission,permission_at\n"


class OnePerson(World):
    """The world of mailboxes at one moment: all is loaded, said and delivered at noon, in one export."""

    def load(self, *people: str) -> None:
        """Load one file of `customer_id,address,permission` each."""
        lines = []
        for person in people:
            key, address, permission = person.split(",")
            lines.append(f"{key},{address},2026-01-01T00:00:00Z,Family-{key},UTC,{permission},2026-01-02T00:00:00Z\n")
        (self.feeds / "customers.csv").write_text(HEADER + "".join(lines))
        load_feeds(self.warehouse, self.feeds, link_secret=SECRET, now=NOON)

    def report(self, *events: dict[str, Any]) -> None:
        """Let the collector have written events, and ingest them."""
        with (self.exports / "export.ndjson").open("ab") as file:
            file.write(b"".join(orjson.dumps(event) + b"\n" for event in events))
        self.installation.ingest()

    def erase(self, customer_id: str) -> bool:
        return self.installation.erase(customer_id, NOON)

    def deliver(self) -> Counter[str]:
        """Deliver, and return how often the provider took each address."""
        delivery.deliver(
            self.warehouse, self.installation.settings, self.installation.topics, clock=lambda: NOON, worker="test",
            sleep=lambda seconds: None,
        )  # fmt: skip
        found = self.simulator.client.get("/simulator/accepted", params={"limit": 1000}).json()
        return Counter(row["address"] for row in found["items"])

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with self.warehouse.connect() as connection:
            return rows(connection, query, **parameters)

    def columns_with(self, text: str) -> set[str]:
        """Every column of the warehouse in which `text` can be read."""
        return {column for column, content in columns_of(self.warehouse).items() if text in content.lower()}


@pytest.fixture
def world(warehouse: Engine, tmp_path: Path, simulator: Service) -> OnePerson:
    return OnePerson(warehouse, tmp_path, simulator)


def event(kind: str, address: str, message_id: str | None, **more: Any) -> dict[str, Any]:
    named = {} if message_id is None else {"lm_message_id": message_id}
    identity = f"{kind}-{address}-{message_id}-{sorted(more.items())}"[:190]
    return {
        "email": address.title(), "timestamp": EPOCH, "event": kind, "sg_event_id": identity, "ip": "192.0.2.7",
        **named, **more,
    }  # fmt: skip


KEPT = {"event", "timestamp", "sg_event_id", "lm_message_id"}


def hand_over(world: OnePerson) -> tuple[str, str]:
    """A is info@, gets a mail, and moves; B becomes info@, gets a mail, and another is planned. Returns both mails."""
    world.load(f"a,{INFO},confirmed", "c,carl@example.com,confirmed")
    with world.warehouse.begin() as connection:
        builders.campaign(connection, "win_back")
        of_a = builders.message(connection, builders.enrollment(connection, "win_back", "a"), "win_back", "a")
    world.load(f"a,{MOVED},confirmed")
    world.load(f"b,{INFO},confirmed")
    with world.warehouse.begin() as connection:
        of_b = builders.message(connection, builders.enrollment(connection, "win_back", "b"), "win_back", "b")
        for one in "abc":
            member(connection, one, f"cart-{one}")
    plan(world.warehouse, campaign_of(), topic_of())
    return of_a, of_b


@pytest.mark.parametrize("is_erased_first", [False, True])
@pytest.mark.parametrize("complaint_of", ["a", "b", "nobody"])
def test_a_role_address_changes_hands_and_its_former_owner_is_erased(
    world: OnePerson, is_erased_first: bool, complaint_of: str
) -> None:
    """The new owner's complaint stands, by whatever mail it came and on whichever side of the erasure. No text of the
    former owner can be read any more. The new owner is not mailed, and their later withdrawal loads."""
    of_a, of_b = hand_over(world)
    complaint = event("spamreport", INFO, {"a": of_a, "b": of_b, "nobody": None}[complaint_of])
    told = [event("open", INFO, of_a), event("click", INFO, of_b), event("open", INFO, None), complaint]
    steps = [lambda: world.report(*told), lambda: world.erase("a")]
    for step in reversed(steps) if is_erased_first else steps:
        step()

    assert world.rows("select address, scope, reason from event.suppression") == [(INFO, "all", "complaint")]
    assert world.rows("select customer_id, reason from event.suppressed_customer") == [("b", "complaint")]
    assert world.rows("select customer_id, address from source.former_address") == []
    assert world.columns_with(MOVED) == world.columns_with("family-a") == set()
    assert world.deliver() == Counter(["carl@example.com"])
    assert states(world.warehouse) == {
        ("a", "reminder", "accepted", None), ("b", "reminder", "accepted", None),  # of the past
        ("a", "reminder", "cancelled", "erased"), ("b", "reminder", "cancelled", "suppressed"),
        ("c", "reminder", "accepted", None),
    }  # fmt: skip
    world.load(f"b,{INFO},withdrawn")
    assert world.rows("select permission from source.customer where customer_id = 'b'") == [("withdrawn",)]
    assert world.rows("select reason from source.rejected") == []


@pytest.mark.parametrize("is_erased_first", [False, True])
def test_events_at_a_shared_address_are_of_whose_mail_it_is(world: OnePerson, is_erased_first: bool) -> None:
    """Events of the erased person's mails name no one. Events of the other person's mails, and of mails that are not
    ours, stay whole. So do the lines of the export, unless they come after the erasure. First facts count for each
    person."""
    of_a, of_b = hand_over(world)
    told = [event("open", INFO, of_a), event("open", INFO, of_b), event("open", INFO, None)]
    broken = [f'{{"email": "{INFO}", "lm_message_id": "{one}", "event":' for one in (of_a, of_b)]

    def report() -> None:
        (world.exports / "broken.ndjson").write_text("\n".join(broken) + "\n")
        world.report(*told)

    steps = [report, lambda: world.erase("a")]
    for step in reversed(steps) if is_erased_first else steps:
        step()

    found = {identity: (address, set(raw)) for identity, address, raw in world.rows(
        "select sg_event_id, address, raw from event.event"
    )}  # fmt: skip
    assert found == {
        told[0]["sg_event_id"]: (None, KEPT),
        told[1]["sg_event_id"]: (INFO, set(told[1])),
        told[2]["sg_event_id"]: (INFO, set(told[2])),
    }
    opened = world.rows("select customer_id from event.engagement where first_open_at is not null order by 1")
    assert opened == [("a",), ("b",)]
    texts = [text or None for (text,) in world.rows("select raw from event.rejected order by line")]
    assert texts == [None, broken[1]]
    if not is_erased_first:
        lines = [orjson.loads(line) for line in (world.exports / "export.ndjson").read_bytes().splitlines()]
        assert [set(line) for line in lines] == [KEPT, set(told[1]), set(told[2])]
        assert (world.exports / "broken.ndjson").read_text().splitlines() == [" " * len(broken[0]), broken[1]]


def test_a_couple_shares_a_mailbox(world: OnePerson) -> None:
    """One of the two is erased. The other stays as before, with what was said at the mailbox and the places that their
    mails took, is mailed, and withdraws later. If the other is erased too, nothing of the mailbox is left."""
    both = "both@example.com"
    world.load(f"a,{both},confirmed", f"b,{both},confirmed")
    with world.warehouse.begin() as connection:
        builders.insert(
            connection, "event.suppression", address=both, scope="topic:offers", reason="unsubscribed",
            suppressed_at=NOON, source="group_unsubscribe",
        )  # fmt: skip
        builders.insert(
            connection, "event.resubscription", address=both, scope="topic:reminders", resubscribed_at=NOON, batch_id=1
        )
        builders.insert(connection, "event.provider_suppression", address=both, group_id=7, said_at=NOON)
        connection.execute(sa.text(PLACE), {"address": both, "day": NOON.date()})
        member(connection, "a", "cart-a")
        member(connection, "b", "cart-b")
    plan(world.warehouse, campaign_of(), topic_of())
    tables = ("event.suppression", "event.resubscription", "event.provider_suppression", "delivery.cap_reservation")
    kept = [f"select * from {table} order by 1" for table in tables]  # noqa: S608
    person = "select * from source.customer where customer_id = 'b'"
    before = [world.rows(query) for query in (*kept, person)]
    assert world.erase("a")
    assert [world.rows(query) for query in (*kept, person)] == before
    assert world.deliver() == Counter([both])
    assert states(world.warehouse) == {
        ("a", "reminder", "cancelled", "erased"), ("b", "reminder", "accepted", None),
    }  # fmt: skip
    world.load(f"b,{both},withdrawn")
    assert world.rows("select permission from source.customer where customer_id = 'b'") == [("withdrawn",)]
    assert world.erase("b")
    assert world.columns_with(both) == set()
    assert [world.rows(query) for query in kept] == [[], [], [], []]


PLACE = """
insert into delivery.cap_reservation (address_key, period, starts_on, n, enrollment_id, step, taken_at, zones)
values (cast(md5(:address) as uuid), 'day', :day, 1, 999, 'past', cast(:day as date) + interval '1 hour', 'UTC')
"""


def test_who_left_the_mailbox_takes_their_no_along(world: OnePerson) -> None:
    """B said no at info@ and moved before A, who had it later, is erased: B's no still stands."""
    world.load(f"b,{INFO},confirmed")
    world.report(event("unsubscribe", INFO, None))
    world.load("b,b.new@example.com,confirmed")
    world.load(f"a,{INFO},confirmed")
    assert world.erase("a")
    assert world.rows("select customer_id, reason from event.suppressed_customer") == [("b", "unsubscribed")]


def test_erasing_again_changes_nothing(world: OnePerson) -> None:
    """A second erasure finds no one, and does not change the people who stay."""
    of_a, of_b = hand_over(world)
    world.report(event("open", INFO, of_a), event("spamreport", INFO, of_b))
    assert world.erase("a")
    before, export = columns_of(world.warehouse), (world.exports / "export.ndjson").read_bytes()
    assert not world.erase("a")
    assert columns_of(world.warehouse) == before
    assert (world.exports / "export.ndjson").read_bytes() == export


def test_the_provider_s_lists_are_about_who_lives_on(world: OnePerson) -> None:
    """A listed address of an erased person is left out, unless a living customer holds it, or held it before."""
    hand_over(world)
    world.load("d,gone@example.com,confirmed", "e,left@example.com,confirmed", "f,left@example.com,confirmed")
    world.load("f,f.new@example.com,confirmed")
    for one in "ade":
        assert world.erase(one)
    listed = [INFO, MOVED, "gone@example.com", "left@example.com", "stranger@example.com"]
    with world.warehouse.begin() as connection:
        run(connection, "events/create_listed")
        for address in listed:
            builders.insert(
                connection, "listed_staging", address=address, scope="all", reason="complaint", listed_epoch=EPOCH
            )
        run(connection, "events/drop_erased_listed", link_secret=SECRET)
        left = rows(connection, "select address from listed_staging order by 1")
    assert left == [(INFO,), ("left@example.com",), ("stranger@example.com",)]


def test_a_planned_mail_is_decided_for_each(world: OnePerson) -> None:
    """Deciding after the erasure: the erased person's steps end; the other's follow what was said at the mailbox."""
    world.load(f"a,{INFO},confirmed", f"b,{INFO},confirmed")
    assert world.erase("a")
    with world.warehouse.begin() as connection:
        for one in "ab":
            member(connection, one, f"cart-{one}", at=NOON - timedelta(minutes=1))
        erase_slots(connection, "a")
    plan(world.warehouse, campaign_of(), topic_of())
    assert ("b", "reminder", "send", "eligible") in decided(world.warehouse)
    assert ("a", "reminder", "send", "eligible") not in decided(world.warehouse)


def test_without_files_a_shared_address_is_handled_alike(world: OnePerson) -> None:
    """If no folder is known, the warehouse is erased all the same."""
    of_a, _ = hand_over(world)
    world.report(event("open", INFO, of_a))
    settings = dataclasses.replace(world.installation.settings, events_dir=None)
    assert dataclasses.replace(world.installation, settings=settings).erase("a", NOON, without_files=True)
    assert world.rows("select address from event.event") == [(None,)]
