"""A domain in its own script is stored as punycode and shown as letters, and each way to write it is one mailbox."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from builders import rows
from lifecycle_mail import delivery, events
from lifecycle_mail.command_line.commands import app
from lifecycle_mail.events import pull
from lifecycle_mail.mailboxes import mailbox
from mailbox_world import World
from planning import campaign_of, member, plan, states

CODED = "xn--bcher-kva.example"


def test_a_feed_is_read_in_each_spelling(world: World) -> None:
    """The domain is stored as punycode, the name as it is written. What is no address is refused with a reason."""
    world.load(
        "a,Ann@BÜCHER.example,confirmed,", f"b,ann@{CODED.upper()},confirmed,", "c,c@bu\u0308cher.example,confirmed,",
        "d,hällo@bücher.example,confirmed,", "e,e@bü_cher.example,confirmed,", "f,f@ü..example,confirmed,",
    )  # fmt: skip
    with world.warehouse.connect() as connection:
        found = rows(connection, "select customer_id, email, address from source.customer order by customer_id")
        refused = rows(connection, "select customer_id, reason from source.rejected order by customer_id")
        compared = rows(connection, "select distinct address = source.mailbox(email) from source.customer")
    assert found == [
        ("a", f"Ann@{CODED}", f"ann@{CODED}"),
        ("b", f"ann@{CODED.upper()}", f"ann@{CODED}"),
        ("c", f"c@{CODED}", f"c@{CODED}"),
    ]
    assert refused == [(one, "malformed_address") for one in "def"]
    assert compared == [(True,)]


def test_a_no_and_a_yes_reach_the_mailbox_in_each_spelling(world: World) -> None:
    """By feed, event, complaint, list of the provider and refused row; a lift by letters. The mail goes to punycode."""
    world.load(
        "a,Ann@BÜCHER.example,confirmed,", f"b,ann@{CODED},confirmed,", "c,c@bücher.example,confirmed,",
        f"d,D@{CODED},confirmed,", "e,e@bücher.example,confirmed,", "f,f@bücher.example,confirmed,",
        "g,g@bücher.example,confirmed,",
    )  # fmt: skip
    assert world.mailed(*"abcdefg") >= {*"cdefg"}
    sent = {row["address"] for row in world.simulator.client.get("/simulator/accepted").json()["items"]}
    assert {one.rpartition("@")[2] for one in sent} == {CODED}

    world.load(f"b,ann@{CODED},withdrawn,")
    world.report(
        {"event": "unsubscribe", "email": "C@Bücher.Example"}, {"event": "spamreport", "email": f"d@{CODED.upper()}"},
        {"event": "lm_unsubscribe", "lm_message_id": world.mail("f"), "lm_topic": "reminders"},
    )  # fmt: skip
    listed = {"list": "bounces", "emails": ["E@bücher.example"], "created": int(world.now.timestamp())}
    world.simulator.client.post("/simulator/suppressions", json=listed).raise_for_status()
    later = world.now + timedelta(hours=1)
    pull(world.warehouse, world.installation.settings, world.installation.topics, now=later)
    assert world.mailed(*"abcdefg") == {"g"}
    world.load("x,G@BÜCHER.example,withdrawn,never")
    assert world.mailed("g") == set()

    report = events.lift(
        world.warehouse, dataclasses.replace(world.installation.settings, mode="preview"), world.installation.topics,
        "D@BÜCHER.example", by="support", because="asked us", now=world.now,
    )  # fmt: skip
    assert report.lifted == (("all", "complaint"),)
    assert world.mailed(*"abcdefg") == {"d"}


def test_why_shows_the_letters(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a customer, and of a mailbox asked for in either spelling."""
    world.load("a,a@bücher.example,confirmed,", "b,a@bücher.example,confirmed,")
    world.report({"event": "unsubscribe", "email": f"a@{CODED}"})
    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", world.installation.settings.database_url)
    monkeypatch.setenv("COLUMNS", "300")
    told = CliRunner().invoke(app, ["why", "a"]).output
    assert "at a@bücher.example (unsubscribe)" in told
    assert CODED not in told
    for whom in ("A@BÜCHER.example", f"a@{CODED}"):
        told = CliRunner().invoke(app, ["why", whom])
        assert "all unsubscribed, said by an unknown speaker" in " ".join(told.output.replace("│", " ").split())


def test_only_allowed_recipients_in_each_spelling(world: World) -> None:
    """The list names one by letters and the other by punycode."""
    world.load("a,a@bücher.example,confirmed,", f"b,B@{CODED},confirmed,", "c,c@straße.example,confirmed,")
    with world.warehouse.begin() as connection:
        for one in "abc":
            member(connection, one, f"cart-{one}", at=world.now)
    plan(world.warehouse, campaign_of(), world.installation.topics["reminders"], world.now)
    allowed = tuple(map(mailbox, ("A@BÜCHER.example", "@straße.example")))
    settings = dataclasses.replace(world.installation.settings, allowed_recipients=allowed)
    delivery.deliver(
        world.warehouse, settings, world.installation.topics, clock=lambda: world.now, worker="test",
        sleep=lambda seconds: None,
    )  # fmt: skip
    assert {(who, state) for who, _, state, _ in states(world.warehouse)} == {
        ("a", "accepted"), ("b", "cancelled"), ("c", "accepted"),
    }  # fmt: skip


def test_an_erasure_finds_each_spelling(world: World) -> None:
    """Texts set aside, lines of events and export files lose the person in whatever way they wrote the mailbox, and no
    later row or event brings the person back."""
    world.load("a,a@bücher.example,confirmed,", "b,b@bücher.example,confirmed,", ",A@BÜCHER.example,confirmed,")
    (world.exports / "broken.ndjson").write_bytes(
        b'{"email": "A@b\\u00fccher.example", broken\n'
        + "{'email': 'a@BÜCHER.example'}\n".encode()
        + f"no JSON: a@{CODED.upper()}\n".encode()
        + b'{"email": "A@B\\u00dcCHER.example", broken\n'
        + "no JSON: b@bücher.example\n".encode()
    )
    world.report({"event": "open", "email": "a@bücher.example", "ip": "192.0.2.7"})
    assert world.installation.erase("A@BÜCHER.example", world.now)

    world.load("n,a@bücher.example,confirmed,", ",A@bücher.example,confirmed,", "b,b@bücher.example,confirmed,")
    world.report(
        {"event": "click", "email": f"a@{CODED}", "ip": "192.0.2.7"}, {"event": "open", "email": "b@bücher.example"}
    )
    (world.exports / "more.ndjson").write_text("no JSON: a@bücher.example\n", encoding="utf-8")
    world.installation.ingest()
    with world.warehouse.connect() as connection:
        people = rows(connection, "select customer_id, address from source.customer order by customer_id")
        texts = rows(connection, "select row_text from source.rejected where row_text is not null")
        lines = rows(connection, "select raw from event.rejected where raw <> ''")
        told = rows(connection, "select event, address from event.event order by event")
    assert people == [("a", None), ("b", f"b@{CODED}")]
    assert (texts, lines) == ([], [("no JSON: b@bücher.example",)])
    assert told == [("click", None), ("open", None), ("open", f"b@{CODED}")]
    left = (world.exports / "broken.ndjson").read_text(encoding="utf-8").split("\n")
    assert [line.strip() for line in left] == ["", "", "", "", "no JSON: b@bücher.example", ""]
