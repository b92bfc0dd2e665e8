"""`suppressions lift` is the operator's yes at a mailbox: it ends every no there, says which, and permits nothing."""

from __future__ import annotations

import dataclasses

import pytest
from typer.testing import CliRunner

from builders import rows
from lifecycle_mail import events
from lifecycle_mail.command_line.commands import app
from lifecycle_mail.events import KINDS, LiftReport
from lifecycle_mail.kpis import check, roll_up
from lifecycle_mail.sources import Withdrawal
from mailbox_world import HOUR, World


def lift(world: World, name: str, *only: str) -> LiftReport:
    """Lift an hour later, here alone."""
    world.now += HOUR
    settings = dataclasses.replace(world.installation.settings, mode="preview")
    return events.lift(
        world.warehouse, settings, world.installation.topics, f"{name}@example.com", by="support", because="asked us",
        now=world.now, only=only or KINDS,
    )  # fmt: skip


def counts_are_right(world: World) -> bool:
    """Whether the list's numbers add up after a roll-up, and are those of a full one."""
    query = "select * from kpi.list_daily order by day"
    found = []
    for is_full in (False, True):
        roll_up(world.warehouse, reporting_zone="UTC", now=world.now, full=is_full)
        assert check(world.warehouse) == []
        with world.warehouse.connect() as connection:
            found.append([row[:-1] for row in rows(connection, query)])
    return found[0] == found[1]


def test_each_no_at_the_mailbox_ends(world: World) -> None:
    """A withdrawal by feed or given to us, an opt-out, a complaint, and a refused row that waits for its customer. It
    ends for all who have the mailbox and for who comes later. The same export says nothing new; a new no counts."""
    world.load("a,dup@example.com,confirmed,", "b,DUP@example.com,confirmed,", "c,c@example.com,confirmed,",
               "d,d@example.com,confirmed,", "e,e@example.com,confirmed,")
    told = ["a,dup@example.com,withdrawn,", "c,c@example.com,confirmed,", ",later@example.com,withdrawn,"]
    world.load(*told)
    world.say("c", "withdrawn")
    world.report({"event": "spamreport", "email": "d@example.com"},
                 {"event": "lm_unsubscribe", "lm_message_id": world.mail("e"), "lm_topic": "reminders"})
    assert world.mailed(*"abcde") == set()
    assert counts_are_right(world)

    assert lift(world, "dup") == LiftReport((), (), withdrawals=(Withdrawal("a", "feed"),))
    assert lift(world, "c") == LiftReport((), (), withdrawals=(Withdrawal("c", "preference_centre"),))
    assert lift(world, "d") == LiftReport((("all", "complaint"),), ())
    assert lift(world, "e") == LiftReport((("topic:reminders", "unsubscribed"),), ())
    assert lift(world, "later") == LiftReport((), (), withdrawals=(Withdrawal(None, "feed"),))
    assert lift(world, "later").is_nothing
    world.load(*told)
    world.load(*told[:2], "f,Later@example.com,confirmed,", "g,dup@example.com,confirmed,")
    assert world.mailed(*"abcdefg") >= set("cdef")
    assert world.permissions() == dict.fromkeys("abcdefg", "confirmed")
    assert counts_are_right(world)
    world.load("a,dup@example.com,confirmed,")
    world.load("a,dup@example.com,withdrawn,")
    assert world.mailed(*"abg") == set()
    assert counts_are_right(world)
    with world.warehouse.connect() as connection:
        logged = rows(connection, "select address, lifted from event.suppression_lift order by lift_id")
    assert logged == [
        ("dup@example.com", ["all withdrawn"]), ("c@example.com", ["all withdrawn"]),
        ("d@example.com", ["all complaint"]), ("e@example.com", ["topic:reminders unsubscribed"]),
        ("later@example.com", ["all withdrawn"]),
    ]  # fmt: skip


def test_a_lift_gives_no_permission(world: World) -> None:
    """Who withdrew and had never confirmed is not mailed, and the report names them. Their own yes counts as ever."""
    world.load("a,a@example.com,withdrawn,", "b,b@example.com,pending,2026-02-01T00:00:00Z", "c,c@example.com,none,")
    world.load("b,b@example.com,withdrawn,2026-02-02T00:00:00Z")
    world.say("c", "withdrawn")
    for one, origin in (("a", "feed"), ("b", "feed"), ("c", "preference_centre")):
        report = lift(world, one)
        assert report.withdrawals == (Withdrawal(one, origin),)
        assert report.left == ((one, "not_confirmed"),)
    assert world.permissions() == {"a": "none", "b": "pending", "c": "none"}
    assert world.mailed(*"abc") == set()
    world.say("a", "confirmed")
    assert world.mailed(*"abc") == {"a"}
    assert counts_are_right(world)


def test_a_lift_frees_no_customer_who_had_left(world: World) -> None:
    """A and C said no at x@ and left: a lift there frees B, who has it now. A lift at their new mailboxes says that
    their no was said elsewhere, and leaves it. A no from before the lift that is heard later stays ended."""
    world.load("a,x@example.com,confirmed,", "b,x@example.com,confirmed,", "c,x@example.com,confirmed,")
    world.load("a,x@example.com,withdrawn,")
    world.report({"event": "lm_unsubscribe", "lm_message_id": world.mail("c"), "lm_topic": "all"})
    world.load("a,a.new@example.com,withdrawn,", "c,c.new@example.com,confirmed,")
    assert lift(world, "x").left == ()
    assert world.mailed(*"abc") == {"b"}
    assert lift(world, "a.new") == LiftReport((), (), left=(("a", "withdrawn"),))
    assert lift(world, "c.new") == LiftReport((), (), left=(("c", "carried"),))
    assert world.mailed(*"abc") == {"b"}
    world.load("b,x@example.com,withdrawn,2026-03-02T12:00:00Z")
    assert world.mailed(*"abc") == {"b"}
    world.load("b,x@example.com,withdrawn,")
    assert world.mailed(*"abc") == set()
    assert counts_are_right(world)


def test_only_opt_outs_lifts_withdrawals(world: World) -> None:
    """A bounce by mistake does not bring back who withdrew: the report says what stays. `opt_outs` ends withdrawals."""
    world.load("a,x@example.com,confirmed,", "b,x@example.com,confirmed,")
    world.load("a,x@example.com,withdrawn,")
    world.report({"event": "bounce", "type": "bounce", "email": "x@example.com"})
    report = lift(world, "x", "bounces")
    assert (report.lifted, report.withdrawals) == ((("all", "hard_bounce"),), ())
    assert report.left == (("a", "withdrawn"), ("b", "suppressed"))
    assert world.mailed(*"ab") == set()
    assert lift(world, "x", "complaints").is_nothing
    report = lift(world, "x", "opt_outs")
    assert (report.withdrawals, report.left) == ((Withdrawal("a", "feed"),), ())
    assert len(world.mailed(*"ab")) == 2


def test_the_command_says_what_it_lifted_and_what_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each, with the reason; `why` tells what ended the withdrawal."""
    world.load("a,x@example.com,confirmed,", "b,x@example.com,pending,", "c,c@example.com,confirmed,")
    world.report({"event": "lm_unsubscribe", "lm_message_id": world.mail("c"), "lm_topic": "reminders"})
    world.load("a,x@example.com,withdrawn,", "c,x@example.com,confirmed,")
    world.report({"event": "spamreport", "email": "x@example.com", "lm_message_id": world.mail("a")})
    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", world.installation.settings.database_url)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("lifecycle_mail.command_line.commands.present", lambda: world.now + HOUR)
    done = CliRunner().invoke(app, ["suppressions", "lift", "X@Example.com", "--because", "asked us"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "lifted: all complaint",
        "lifted: all withdrawn, said by customer a (feed)",
        "SendGrid's lists were not asked (mode preview)",
        "not lifted: customer b has not confirmed: a lift gives no permission",
        "not lifted: customer c said no at another address: the customer's own yes ends it",
    ]
    for whom in ("b", "x@example.com"):
        told = " ".join(CliRunner().invoke(app, ["why", whom]).output.replace("│", " ").split())
        ended = f"{world.now + HOUR:%Y-%m-%dT%H:%M:%SZ}"
        assert "all withdrawn, said by a" in told
        assert f"(feed), lifted {ended} by operator" in told
