"""One mailbox, one word: whom a no binds, what ends it, and what a feed may say again."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from builders import NOON, rows
from event_collector.app import _unsubscribe_line
from lifecycle_mail import delivery
from lifecycle_mail.command_line.commands import app
from lifecycle_mail.kpis import check, roll_up
from mailbox_world import DAY, HEADER, HOUR, JOINED, World
from planning import campaign_of, decided, member, plan, states, topic_of

OPT_IN: dict[str, Any] = {"kind": "transactional", "permissions": ["pending", "confirmed"]}


def test_a_withdrawal_by_feed_binds_all_who_hold_the_mailbox(world: World) -> None:
    """Two ids of one mailbox, in either case of letters: one withdraws, and neither is mailed, nor who comes later. A
    yes of either on the preference page frees both. The list's numbers follow."""
    world.load("a,dup@example.com,confirmed,", "b,DUP@Example.com,confirmed,", "c,c@example.com,confirmed,")
    world.load("a,dup@example.com,withdrawn,", "b,DUP@Example.com,confirmed,", "c,c@example.com,confirmed,")
    assert world.mailed("a", "b", "c") == {"c"}
    world.load("d,dup@example.com,confirmed,2026-12-01T00:00:00Z")
    assert world.mailed("b", "d") == set()
    roll_up(world.warehouse, reporting_zone="UTC", now=world.now)
    assert check(world.warehouse) == []
    world.say("b", "confirmed")
    assert world.mailed("a", "b", "d") >= {"b"}
    assert world.permissions() == dict.fromkeys("abcd", "confirmed")
    roll_up(world.warehouse, reporting_zone="UTC", now=world.now)
    assert check(world.warehouse) == []


def test_a_withdrawal_between_plan_and_claim_stops_the_other_id(world: World) -> None:
    """The claim asks of the mailbox too."""
    world.load("a,dup@example.com,confirmed,", "b,DUP@Example.com,confirmed,")
    with world.warehouse.begin() as connection:
        member(connection, "b", "cart-b", at=world.now)
    plan(world.warehouse, campaign_of(), topic_of(), world.now)
    world.load("a,dup@example.com,withdrawn,")
    delivery.deliver(
        world.warehouse, world.installation.settings, world.installation.topics, clock=lambda: world.now, worker="test",
        sleep=lambda seconds: None,
    )  # fmt: skip
    assert states(world.warehouse) == {("b", "reminder", "cancelled", "unsubscribed")}


def test_the_next_owner_of_a_mailbox_does_not_silence_the_former(world: World) -> None:
    """A left x@ and B has it: B's opt-out, by link or of an unknown speaker, or complaint, stops B alone."""
    for number, no in enumerate(({"event": "unsubscribe"}, {"event": "spamreport"})):
        a, b = f"a{number}", f"b{number}"
        box, new = f"x{number}@example.com", f"new{number}@example.com"
        world.load(f"{a},{box},confirmed,")
        world.load(f"{a},{new},confirmed,", f"{b},{box},confirmed,")
        world.report({**no, "email": box})
        assert world.mailed(a, b) == {a}
        world.report({"event": "lm_unsubscribe", "lm_message_id": world.mail(b), "lm_topic": "all"})
        assert world.mailed(a, b) == {a}


def test_a_speaker_carries_a_no_along(world: World) -> None:
    """Who said no by a link, or at a mailbox with no other speaker named, has said it at the next mailbox too. The next
    holder's yes frees the holder alone, and the speaker's own yes the speaker."""
    world.load("a,x@example.com,confirmed,", "z,z@example.com,confirmed,")
    world.report({"event": "lm_unsubscribe", "lm_message_id": world.mail("a"), "lm_topic": "all"})
    world.report({"event": "spamreport", "email": "Z@Example.com"})
    world.load("a,new@example.com,confirmed,", "b,x@example.com,confirmed,", "z,z.new@example.com,confirmed,")
    assert world.mailed("a", "b", "z") == set()
    world.say("b", "confirmed")
    assert world.mailed("a", "b", "z") == {"b"}
    world.say("a", "confirmed")
    world.say("z", "confirmed")
    assert world.mailed("a", "b", "z") == {"a", "b"}


def test_a_link_speaks_at_the_mailbox_its_mail_went_to(world: World) -> None:
    """A's old mail lies in the mailbox that B has now: the link in it stops A, wherever A is, and that mailbox."""
    world.load("a,x@example.com,confirmed,", "c,c@example.com,confirmed,")
    mail = world.mail("a")
    world.load("a,new@example.com,confirmed,", "b,x@example.com,confirmed,", "c,new@example.com,confirmed,")
    world.report({"event": "lm_unsubscribe", "lm_message_id": mail, "lm_topic": "reminders"})
    assert world.mailed("a", "b", "c") == {"c"}


def test_a_move_that_is_heard_late(world: World) -> None:
    """A no of an unknown speaker counts for who held the mailbox at that moment, also if the export comes after the
    move, and who came back to a mailbox had not left it for ever."""
    world.load("a,x@example.com,confirmed,")
    said = int((world.now + HOUR / 2).timestamp())
    world.load("a,new@example.com,confirmed,", after=HOUR)
    world.load("b,x@example.com,confirmed,", after=HOUR)
    world.report({"event": "unsubscribe", "email": "x@example.com", "timestamp": said})
    assert world.mailed("a", "b") == set()


def test_bounces_stay_at_their_mailbox(world: World) -> None:
    """Who moves leaves a hard bounce behind."""
    world.load("a,x@example.com,confirmed,")
    world.report({"event": "bounce", "type": "bounce", "email": "x@example.com", "lm_message_id": world.mail("a")})
    assert world.mailed("a") == set()
    world.load("a,new@example.com,confirmed,")
    assert world.mailed("a") == {"a"}


def test_a_yes_ends_opt_outs_and_no_complaint(world: World) -> None:
    """A confirmation ends opt-outs of all mail and of topics, not a complaint. `group_resubscribe` ends one of its
    topic alone. An opt-out that is heard late and was said before the yes stays ended."""
    world.load("a,a@example.com,confirmed,", "b,b@example.com,confirmed,", "c,c@example.com,confirmed,")
    for one in "abc":
        world.report({"event": "group_unsubscribe", "asm_group_id": 1001, "email": f"{one}@example.com"})
    world.report({"event": "unsubscribe", "email": "a@example.com"}, {"event": "spamreport", "email": "b@example.com"},
                 {"event": "unsubscribe", "email": "c@example.com"})
    late = int(world.now.timestamp())
    for one in "ab":
        world.say(one, "confirmed", "confirmation")
    world.report({"event": "group_resubscribe", "asm_group_id": 1001, "email": "c@example.com"},
                 {"event": "unsubscribe", "email": "a@example.com", "timestamp": late})
    assert world.mailed("a", "b", "c") == {"a"}


def test_leaves_and_returns_of_a_day_count_each(world: World) -> None:
    """Left by the link, returned at SendGrid, left by the same link again on one day: out; each line as the collector
    writes it has an id of its own."""
    world.load("a,a@example.com,confirmed,")
    mail = world.mail("a")
    for number, hour in enumerate((9, 18)):
        moment = int((NOON.replace(hour=0) + hour * HOUR).timestamp())
        (world.exports / f"link-{number}.ndjson").write_bytes(_unsubscribe_line("token", mail, "reminders", moment) * 2)
        world.report({
            "event": "group_resubscribe", "asm_group_id": 1001, "email": "a@example.com",
            "timestamp": int((NOON.replace(hour=0) + 12 * HOUR).timestamp()),
        })  # fmt: skip
        assert world.mailed("a") == ({"a"} if hour == 9 else set())


@pytest.mark.parametrize("returns", ["group_resubscribe", "confirmation"])
def test_a_second_leave_ends_the_series_begun_after_the_return(world: World, returns: str) -> None:
    """Left, returned, enrolled, left again, and once more: ended when it was first said again."""
    world.load("a,a@example.com,confirmed,")
    world.report({"event": "group_unsubscribe", "asm_group_id": 1001, "email": "a@example.com"})
    if returns == "confirmation":
        world.say("a", "confirmed", "confirmation")
    else:
        world.report({"event": "group_resubscribe", "asm_group_id": 1001, "email": "a@example.com"})
    with world.warehouse.begin() as connection:
        member(connection, "a", "cart-a", at=world.now)
    steps = [{"step": "later", "after_hours": 100, "template": "cart_abandoned/reminder"}]
    plan(world.warehouse, campaign_of(steps=steps), topic_of(), world.now)
    world.report({"event": "group_unsubscribe", "asm_group_id": 1001, "email": "a@example.com"})
    left_at = world.now
    world.report({"event": "group_unsubscribe", "asm_group_id": 1001, "email": "a@example.com"})
    plan(world.warehouse, campaign_of(steps=steps), topic_of(), world.now + HOUR)
    with world.warehouse.connect() as connection:
        assert rows(connection, "select end_reason, ended_at from journey.enrollment") == [("unsubscribed", left_at)]


def test_the_same_export_again_says_nothing_new(world: World) -> None:
    """A row `withdrawn` without a time, a confirmation by link, the same file again, under another name too: stays
    confirmed. So it is where an old full export and a delta lie side by side. A later change counts again."""
    world.load("a,a@example.com,withdrawn,")
    world.say("a", "confirmed", "confirmation")
    for _ in range(2):
        world.load("a,a@example.com,withdrawn,")
        assert world.permissions() == {"a": "confirmed"}
    (world.feeds / "customers.csv").rename(world.feeds / "customers-2.csv")
    world.load("a,a@example.com,withdrawn,")
    assert world.permissions() == {"a": "confirmed"}
    (world.feeds / "customers-2.csv").unlink()
    world.load("a,a@example.com,confirmed,")
    world.load("a,a@example.com,withdrawn,")
    assert world.permissions() == {"a": "withdrawn"}


def test_an_old_full_export_beside_a_delta(world: World) -> None:
    """Two files that say different things in each load: the no stands, and neither is news the second time."""
    (world.feeds / "customers-1.csv").write_text(HEADER + f"a,a@example.com,{JOINED},withdrawn,\n")
    for _ in range(3):
        world.load("a,a@example.com,confirmed,")
        assert world.permissions() == {"a": "withdrawn"}
    world.say("a", "confirmed", "confirmation")
    world.load("a,a@example.com,confirmed,")
    assert world.permissions() == {"a": "confirmed"}
    (world.feeds / "customers-1.csv").unlink()
    world.load("a,a@example.com,confirmed,")
    world.load("a,a@example.com,withdrawn,")
    assert world.permissions() == {"a": "withdrawn"}


def test_an_undated_flag_is_the_shops_word_at_the_load(world: World) -> None:
    """yes, no, yes without a time: each load counts. `none` takes a yes back as well; blank says nothing."""
    told = [("confirmed", "confirmed"), ("withdrawn", "withdrawn"), ("confirmed", "confirmed"), ("none", "none"),
            ("confirmed", "confirmed"), ("", "confirmed"), ("withdrawn", "withdrawn"), ("", "withdrawn")]  # fmt: skip
    for said, stands in told:
        world.load(f"a,a@example.com,{said},")
        assert world.permissions() == {"a": stands}


def test_of_dated_words_the_latest_stands(world: World) -> None:
    """confirmed, none, withdrawn, confirmed: the last yes counts; an older word that comes later does not, nor a yes
    dated after its load against a no of the next one."""
    for day, said in enumerate(("confirmed", "none", "withdrawn", "confirmed"), 1):
        world.load(f"a,a@example.com,{said},2026-02-0{day}T00:00:00Z")
        assert world.permissions() == {"a": said}
    world.load("a,a@example.com,withdrawn,2026-02-03T12:00:00Z")
    assert world.permissions() == {"a": "confirmed"}
    world.load("a,a@example.com,confirmed,2036-02-03T12:00:00Z")
    world.load("a,a@example.com,withdrawn,")
    assert world.permissions() == {"a": "withdrawn"}


@pytest.mark.parametrize("may_resubscribe", [False, True])
def test_a_feed_lifts_what_was_said_to_us_by_setting_alone(world: World, may_resubscribe: bool) -> None:
    """A link, an event and the preference page: a later yes of the feed lifts them if the shop asks again. No feed
    lifts a complaint."""
    names = "abcd"
    world.load(*(f"{one},{one}@example.com,none," for one in names))
    world.load(*(f"{one},{one}@example.com,confirmed," for one in names))
    world.report({"event": "lm_unsubscribe", "lm_message_id": world.mail("a"), "lm_topic": "reminders"},
                 {"event": "unsubscribe", "email": "b@example.com"}, {"event": "spamreport", "email": "d@example.com"})
    world.say("c", "withdrawn")
    world.load(*(f"{one},{one}@example.com,none," for one in names), may_resubscribe=may_resubscribe)
    world.load(*(f"{one},{one}@example.com,confirmed," for one in names), may_resubscribe=may_resubscribe)
    assert world.mailed(*names) == (set("abc") if may_resubscribe else set())


def test_a_refused_row_without_customer_waits_at_the_mailbox(world: World) -> None:
    """An opt-out of an address that no customer holds binds who comes to it; again it changes nothing."""
    for _ in range(2):
        world.load(",later@example.com,withdrawn,")
    world.load("a,Later@example.com,confirmed,", "b,b@example.com,confirmed,")
    assert world.mailed("a", "b") == {"b"}
    with world.warehouse.connect() as connection:
        assert rows(connection, "select count(*) from source.permission_change where customer_id = ''") == [(1,)]


def test_after_a_no_only_the_opt_in_mail_goes(world: World) -> None:
    """On a sign-up later than the no, once in 30 days, from a topic that accepts pending; a complaint stops it too. A
    transactional mail without a sign-up does not go either."""
    world.load("a,a@example.com,confirmed,", "b,b@example.com,confirmed,", "c,c@example.com,confirmed,")
    world.say("a", "withdrawn")
    world.report({"event": "unsubscribe", "email": "b@example.com"}, {"event": "spamreport", "email": "c@example.com"})
    assert world.mailed("a", "b", "c", topic=OPT_IN) == set()
    for one in "abc":
        world.say(one, "pending", "sign_up")
    assert world.mailed("a", "b", "c") == set()
    assert world.mailed("a", "b", "c", topic=OPT_IN) == {"a", "b"}
    assert world.mailed("a", "b", "c", topic=OPT_IN) == set()
    assert ("a", "reminder", "skip", "asked_lately") in decided(world.warehouse)
    world.now += 20 * DAY
    assert world.mailed("a", "b", "c", topic=OPT_IN) == {"a", "b"}


def test_why_tells_each_word(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who said what, where, when, about what, and what lifted it: of a customer, and of a mailbox by its address."""
    world.load("a,x@example.com,confirmed,", "b,x@example.com,confirmed,")
    world.report({"event": "lm_unsubscribe", "lm_message_id": world.mail("a"), "lm_topic": "reminders"})
    world.say("b", "confirmed", "confirmation")
    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", world.installation.settings.database_url)
    monkeypatch.setenv("COLUMNS", "300")
    for whom in ("a", "b", "X@Example.com"):
        told = CliRunner().invoke(app, ["why", whom])
        assert told.exit_code == 0, told.output
        text = " ".join(told.output.replace("│", " ").split())
        assert "topic:reminders unsubscribed, said by a" in text
        assert "(lm_unsubscribe), lifted 2026-03-02T14:00:00Z by confirmation of b" in text
    assert "held by b" in told.output
    assert CliRunner().invoke(app, ["why", "nobody@example.com"]).exit_code == 1


def test_an_erased_person_leaves_the_words_of_the_mailbox(world: World) -> None:
    """A couple: one withdraws by feed and is erased, the other is still bound. Of a lone mailbox no address is left."""
    world.load("a,x@example.com,withdrawn,", "b,x@example.com,confirmed,", "c,own@example.com,withdrawn,")
    for one in "ac":
        assert world.installation.erase(one, world.now)
    assert world.mailed("b") == set()
    with world.warehouse.connect() as connection:
        told = rows(connection, "select distinct address from source.permission_change where address is not null")
    assert told == [("x@example.com",)]
