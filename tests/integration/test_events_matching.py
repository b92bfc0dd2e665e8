"""Events without our ids: joined to the mail that they are about, and proof of nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

import builders
from builders import NOON, rows
from lifecycle_mail.database import run
from lifecycle_mail.events import erase, ingest
from lifecycle_mail.kpis import roll_up

Take = Callable[..., None]


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def take(warehouse: Engine, tmp_path: Path) -> Take:
    numbers = itertools.count()

    def write_and_ingest(*events: dict[str, Any]) -> None:
        path = tmp_path / f"export-{next(numbers)}.ndjson"
        path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in events))
        ingest(warehouse, path)

    return write_and_ingest


def lost(who: str, minutes: float, kind: str = "bounce", **fields: Any) -> dict[str, Any]:
    """A late bounce as a mail server reports it: no custom arguments, and no sg_message_id unless given."""
    return {
        "email": who, "timestamp": int(at(minutes).timestamp()), "event": kind, "type": "bounce",
        "sg_event_id": f"{kind}-{who}-{minutes}", "reason": "550 gone", **fields,
    }  # fmt: skip


def mail(connection: Connection, who: str, minutes: float, request: str | None = None, **columns: Any) -> str:
    """A mail to customer `who`, accepted (or claimed) at the time, in the request that SendGrid called `request`."""
    enrollment = builders.enrollment(connection, "cart_abandoned", who, enrolled_at=at(minutes))
    attempt = None
    if request is not None:
        attempt = builders.insert(
            connection, "delivery.attempt",
            shell_id=1, campaign="cart_abandoned", worker="w", recipients=1, claimed_at=at(minutes),
            lease_until=at(minutes + 5), outcome="accepted", x_message_id=request,
        )  # fmt: skip
    return builders.message(
        connection, enrollment, "cart_abandoned", who,
        planned_at=at(minutes), claimed_at=at(minutes), attempt_id=attempt, **columns,
    )  # fmt: skip


def bounced(warehouse: Engine) -> dict[str, datetime | None]:
    """message id → hard bounce, of the mails that have an event."""
    with warehouse.connect() as connection:
        found = rows(connection, "select cast(message_id as text), bounced_hard_at from event.engagement")
    return dict(found)


def start(connection: Connection, *customers: str) -> None:
    load_id = builders.load(connection)
    builders.campaign(connection)
    for name in customers:
        builders.customer(connection, name, load_id=load_id)


def test_each_event_finds_its_mail(warehouse: Engine, take: Take) -> None:
    """By the request and the mailbox; without a request by the newest mail accepted for the mailbox before it. An event
    of a request that is not ours, or of an address that no customer has, is another application's."""
    with warehouse.begin() as connection:
        start(connection, "named", "newest", "before", "foreign", "left", "second", "pair", "opener", "proven")
        named = [mail(connection, "named", minutes, f"request{minutes}") for minutes in (0, 60)]
        newest = [mail(connection, "newest", minutes, f"n{minutes}") for minutes in (0, 60, 120)]
        mail(connection, "before", 60, "b60")
        mail(connection, "foreign", 0, "ours")
        # A mailbox that changed hands: each mail went to the customer who held it then.
        to_left = mail(connection, "left", 0, "l0")
        connection.exec_driver_sql("update source.customer set email = 'moved@example.com' where customer_id = 'left'")
        connection.exec_driver_sql("delete from source.former_address")
        builders.insert(
            connection, "source.former_address",
            customer_id="left", address="left@example.com", replaced_at=at(30),
        )  # fmt: skip
        connection.exec_driver_sql("update source.customer set email = 'left@example.com' where customer_id = 'second'")
        connection.exec_driver_sql("delete from source.former_address where customer_id = 'second'")
        to_second = mail(connection, "second", 60, "s60")
        mail(connection, "left", 90, "l90")
        pair = mail(connection, "pair", 0, "p0")
        opener = mail(connection, "opener", 0, "o0")
        proven = mail(connection, "proven", 0, reason="settled_by_event")
    take(
        lost("NAMED@example.com", 200, sg_message_id="request0.recvd-1.0"),
        lost("Newest@Example.com", 90),
        lost("before@example.com", 30),
        lost("foreign@example.com", 200, sg_message_id="theirs.recvd-1.0"),
        lost("left@example.com", 20),
        lost("left@example.com", 200),
        lost("stranger@example.com", 200),
        lost("pair@example.com", 200, "spamreport", sg_event_id="complaint"),
        lost("opener@example.com", 200, "open", sg_event_id="open-unnamed"),
        lost("proven@example.com", 200, sg_message_id="unknown-request.recvd-1.0"),
    )
    assert bounced(warehouse) == {
        named[0]: at(200), newest[1]: at(90), to_left: at(20), to_second: at(200), pair: None, proven: at(200),
    }  # fmt: skip
    with warehouse.connect() as connection:
        facts = "select complained_at, first_event_at from event.engagement where customer_id = 'pair'"
        assert rows(connection, facts) == [(at(200), None)]
        # What a mailbox says is still said by an unknown speaker.
        assert rows(connection, "select distinct customer_id from event.word") == [(None,)]
    take(lost("opener@example.com", 210, "open", sg_message_id="o0.recvd-1.0"))
    with warehouse.connect() as connection:
        opened = "select cast(message_id as text) from event.engagement where first_open_at is not null"
        assert rows(connection, opened) == [(opener,)]


def test_numbers_and_breakers_see_a_late_bounce(warehouse: Engine, take: Take) -> None:
    """The outcome of the mail is a hard bounce, the campaign's breaker counts it, and taking the file again adds
    nothing."""
    with warehouse.begin() as connection:
        start(connection, "a")
        message_id = mail(connection, "a", 0, "r0")
    arrived = {
        "email": "a@example.com", "timestamp": int(at(1).timestamp()), "event": "delivered", "sg_event_id": "arrived",
        "lm_message_id": message_id, "sg_message_id": "r0.recvd-1.0",
    }  # fmt: skip
    take(arrived)
    for _ in range(2):
        take(lost("a@example.com", 30))
        roll_up(warehouse, reporting_zone="UTC", now=at(60))
        with warehouse.connect() as connection:
            totals = "select accepted, delivered, bounced_hard from kpi.campaign_daily"
            assert rows(connection, totals) == [(1, 0, 1)]
            outcomes = run(
                connection, "delivery/recent_outcomes", campaign="cart_abandoned", now=at(60), window_hours=24
            ).one()
            assert (outcomes.accepted, outcomes.bounced) == (1, 1)
            assert rows(connection, "select first_event_at from event.engagement") == [(at(1),)]


def test_an_event_waits_for_a_mail_under_way_and_settles_none(warehouse: Engine, take: Take) -> None:
    """While a newer mail to the mailbox is claimed or in doubt, the bounce waits: it proves nothing about that mail,
    and is not given to an older one. It is joined once the answer, or an event with our ids, says what became of it."""
    with warehouse.begin() as connection:
        start(connection, "taken", "failed", "named")
        taken = [mail(connection, "taken", 0, "t0"), mail(connection, "taken", 60, state="in_doubt", accepted_at=None)]
        claimed: dict[str, Any] = {"state": "claimed", "accepted_at": None}
        failed = [mail(connection, "failed", 0, "f0"), mail(connection, "failed", 60, **claimed)]
        named = mail(connection, "named", 60, "n60", **claimed)
    take(
        lost("taken@example.com", 90), lost("failed@example.com", 90),
        lost("named@example.com", 61, "deferred", sg_message_id="n60.recvd-1.0"),
    )  # fmt: skip
    states = "select cast(message_id as text), state from message.message"
    assert bounced(warehouse) == {}
    with warehouse.begin() as connection:
        found = dict(rows(connection, states))
        assert (found[taken[1]], found[failed[1]], found[named]) == ("in_doubt", "claimed", "claimed")
        assert rows(connection, "select address from event.unmatched order by 1") == [
            ("failed@example.com",), ("named@example.com",), ("taken@example.com",),
        ]  # fmt: skip
        connection.execute(
            sa.text("update message.message set state = 'rejected' where cast(message_id as text) = :one"),
            {"one": failed[1]},
        )
        connection.execute(
            sa.text(
                "update message.message set state = 'accepted', accepted_at = :at"
                " where cast(message_id as text) = :one"
            ),
            {"one": named, "at": at(60)},
        )
    own = {
        "email": "taken@example.com", "timestamp": int(at(61).timestamp()), "event": "processed", "sg_event_id": "own",
        "lm_message_id": taken[1],
    }  # fmt: skip
    take(own)
    assert bounced(warehouse) == {taken[1]: at(90), failed[0]: at(90), named: None}
    with warehouse.connect() as connection:
        assert rows(connection, "select * from event.unmatched") == []
        assert dict(rows(connection, states))[taken[1]] == "accepted"
        deferred = "select cast(message_id as text), deferred_at from event.engagement where deferred_count = 1"
        assert rows(connection, deferred) == [(named, at(61))]


def test_coverage_counts_own_events_alone(warehouse: Engine, take: Take) -> None:
    """A mail with nothing but a bounce without our ids has no event of its own: the webhook may have been down."""
    with warehouse.begin() as connection:
        start(connection, "a", "b")
        mail(connection, "a", 0, "a0")
        mail(connection, "b", 0, state="in_doubt", accepted_at=None)
    take(lost("a@example.com", 30))
    with warehouse.connect() as connection:
        covered = run(
            connection, "messages/coverage_of_doubt",
            topic="reminders", settle_after_hours=48, before_hours=1, now=at(3 * 24 * 60),
        ).one()  # fmt: skip
    assert (covered.doubtful, covered.mails, covered.has_event) == (1, 1, 0)


def test_an_erased_person_waits_nowhere(warehouse: Engine, take: Take) -> None:
    """The address of an event that waits goes with its person."""
    with warehouse.begin() as connection:
        start(connection, "a")
        mail(connection, "a", 0, state="in_doubt", accepted_at=None)
    take(lost("a@example.com", 30))
    with warehouse.begin() as connection:
        assert rows(connection, "select address from event.unmatched") == [("a@example.com",)]
        erase(connection, "a", "a@example.com")
        assert rows(connection, "select address from event.unmatched") == []
