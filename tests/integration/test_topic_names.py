"""Topics by name: who left a topic has left it whatever it is called later; a file that loses one is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import orjson
import pytest
from sqlalchemy.engine import Engine

from builders import customer, insert, message_id_of, rows, waiting_for_locks
from lifecycle_mail import delivery, events
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.database import session_lock
from lifecycle_mail.delivery.claims import claim_in
from lifecycle_mail.delivery.picking import Batch
from lifecycle_mail.delivery.reconciling import reconcile
from lifecycle_mail.delivery.reports import DeliveryReport
from lifecycle_mail.delivery.work import ClaimSetup, shells_with_work
from lifecycle_mail.errors import CampaignError
from lifecycle_mail.journeys import advance
from lifecycle_mail.kpis.timeline import timeline
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.sendgrid.suppression_lists import Listed, SuppressionLists
from lifecycle_mail.settings import Settings
from planning import NOON, campaign_of, decided, member, members, plan, states

HOUR = timedelta(hours=1)
SENDER = "sender: {name: Shop, email: hello@example.com}"
REMINDERS = f"reminders: {{description: x, sendgrid_group_id: 1001, {SENDER}}}"
OFFERS = f"offers: {{description: y, sendgrid_group_id: 1002, {SENDER}}}"
NUDGES = f"nudges: {{description: x, sendgrid_group_id: 1001, renamed_from: reminders, {SENDER}}}"
Open = Callable[..., Installation]


@pytest.fixture
def opened(warehouse_url: str, tmp_path: Path) -> Open:
    """Open the installation with a topics file of these lines and, if given, a list `retired`."""
    file = tmp_path / "topics.yaml"

    def write_and_open(*topics: str, retired: str = "[]") -> Installation:
        lines = ["topics:", *(f"  {one}" for one in topics), f"retired: {retired}"]
        file.write_text("\n".join(lines))
        return open_installation(Settings(database_url=warehouse_url, topics_file=file, events_dir=tmp_path / "events"))

    return write_and_open


def left(engine: Engine, address: str, topic: str, at: datetime, lifted_at: datetime | None = None) -> None:
    with engine.begin() as connection:
        insert(
            connection, "event.suppression", address=address, scope=f"topic:{topic}", reason="unsubscribed",
            source="lm_unsubscribe", suppressed_at=at, last_suppressed_at=at, lifted_at=lifted_at,
        )  # fmt: skip


def returned(engine: Engine, address: str, topic: str, at: datetime) -> None:
    with engine.begin() as connection:
        insert(
            connection, "event.resubscription", address=address, scope=f"topic:{topic}", resubscribed_at=at, batch_id=0
        )


def opt_outs(engine: Engine) -> set[tuple[Any, ...]]:
    """Name, scope and end (None = in force) of everyone who left something."""
    query = "select split_part(address, '@', 1), scope, lifted_at from event.suppression"
    with engine.connect() as connection:
        return set(rows(connection, query))


def in_force(engine: Engine) -> set[tuple[str, str]]:
    return {(name, scope) for name, scope, lifted_at in opt_outs(engine) if lifted_at is None}


def would_go(system: Installation, now: datetime = NOON) -> dict[str, int]:
    """What a claim would do with the planned mails, by outcome."""
    settings = dataclasses.replace(system.settings, mode="preview")
    found: dict[str, int] = {}
    for line in delivery.preview(system.engine, settings, system.topics, now=now):
        assert line.stopped is None
        for what, mails in {"go": line.would_go, **line.ended}.items():
            found[what] = found.get(what, 0) + mails
    return {what: mails for what, mails in found.items() if mails}


def planned(system: Installation, campaign: Campaign | None = None, at: datetime = NOON) -> None:
    campaign = campaign or campaign_of()
    plan(system.engine, campaign, system.topics[campaign.topic], at)


def ingested(system: Installation, *posted: dict[str, Any]) -> None:
    """Ingest events of a file of their own."""
    folder = system.settings.events_dir
    assert folder is not None
    folder.mkdir(exist_ok=True)
    lines = [orjson.dumps({"timestamp": int(NOON.timestamp()), **one}) for one in posted]
    (folder / f"{len(list(folder.iterdir()))}.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    system.ingest()


def word(address: str, topic: str, at: datetime = NOON) -> dict[str, Any]:
    """What the collector writes when a recipient opens the unsubscribe link of an old mail."""
    return {
        "event": "lm_unsubscribe", "sg_event_id": f"lm-{address}-{topic}-{at:%H%M}", "timestamp": int(at.timestamp()),
        "lm_topic": topic, "email": f"{address}@example.com",
    }  # fmt: skip


def test_a_topic_with_opt_outs_and_mails_does_not_go_silently(opened: Open) -> None:
    """A topic renamed without `renamed_from` is refused by name, with the numbers and what to write; nothing was
    changed."""
    system = opened(REMINDERS, OFFERS)
    members(system.engine, "ann", "bob")
    planned(system)
    left(system.engine, "cat@example.com", "reminders", NOON)
    with pytest.raises(CampaignError) as caught:
        opened(NUDGES.replace("renamed_from: reminders, ", ""), OFFERS)
    assert str(caught.value) == (
        "topics.yaml: topic 'reminders' is missing, but opt-outs (1), mails (2) and campaigns (1) name it: write "
        "`renamed_from: reminders` at its new name, or `retired: [reminders]` at the end of the "
        "file if it has ended"
    )
    assert in_force(system.engine) == {("cat", "topic:reminders")}
    opened(REMINDERS, OFFERS)


@pytest.mark.parametrize("kept", ["opt-out", "lifted", "return", "mail", "series"])
def test_each_thing_that_names_a_topic_keeps_it(opened: Open, kept: str) -> None:
    """One opt-out, also a lifted one, one return, one mail, one published series: each is reason enough."""
    system = opened(REMINDERS, OFFERS)
    if kept == "opt-out":
        left(system.engine, "ann@example.com", "reminders", NOON)
    elif kept == "lifted":
        left(system.engine, "ann@example.com", "reminders", NOON, NOON + HOUR)
    elif kept == "return":
        returned(system.engine, "ann@example.com", "reminders", NOON)
    elif kept == "mail":
        members(system.engine, "ann")
        planned(system)
    else:
        planned(system)
    with pytest.raises(CampaignError, match=r"topic 'reminders' is missing, but opt-outs \([01]\), mails \([01]\)"):
        opened(OFFERS)


def test_a_topic_that_nothing_names_may_go(opened: Open) -> None:
    """Without opt-outs, mails or campaigns, a topic may be taken out of the file freely, and may come again."""
    opened(REMINDERS, OFFERS)
    system = opened(REMINDERS)
    with system.engine.connect() as connection:
        assert rows(connection, "select topic, became, is_retired from installation.topic") == [
            ("reminders", None, False)
        ]
    opened(REMINDERS, OFFERS)


def test_who_left_is_not_mailed_under_the_new_name(opened: Open) -> None:
    """Planned before or after the renaming: a customer who left reminders gets no nudges, by decision and by claim."""
    system = opened(REMINDERS)
    members(system.engine, "ann", "bob")
    planned(system)
    left(system.engine, "ann@example.com", "reminders", NOON - HOUR)
    assert would_go(system) == {"suppressed": 1, "go": 1}
    system = opened(NUDGES)
    assert would_go(system) == {"suppressed": 1, "go": 1}
    with system.engine.begin() as connection:
        for name in ("ann", "bob"):
            member(connection, name, f"second-{name}")
    planned(system, campaign_of(campaign="second", topic="nudges", exit_on=["order"]))
    assert {(row[-2], row[-1]) for row in decided(system.engine)} >= {("skip", "suppressed")}
    with system.engine.connect() as connection:
        query = "select customer_id, outcome, reason, detail ->> 'scope' from decision.decision where campaign = :name"
        assert set(rows(connection, query, name="second")) == {
            ("ann", "skip", "suppressed", "topic:nudges"), ("bob", "send", "eligible", None),
        }  # fmt: skip
        assert "suppressed: topic:nudges" in {line.what for line in timeline(connection, "ann", None)}


def test_leaving_ends_a_series_also_after_the_renaming(opened: Open) -> None:
    """An unsubscribe from reminders, or by an old link, ends series whose campaign belongs to nudges now."""
    system = opened(REMINDERS)
    members(system.engine, "ann", "bob", "cat")
    planned(system, at=NOON)
    left(system.engine, "ann@example.com", "reminders", NOON + HOUR)
    system = opened(NUDGES)
    ingested(system, word("bob", "reminders", NOON + HOUR))
    assert would_go(system, NOON + 2 * HOUR) == {"unsubscribed": 2, "go": 1}
    advance(system.engine, campaign_of(), NOON + 2 * HOUR)  # by the former name: a process that began before
    with system.engine.connect() as connection:
        found = rows(connection, "select customer_id, end_reason from journey.enrollment")
    assert set(found) == {("ann", "unsubscribed"), ("bob", "unsubscribed"), ("cat", None)}


def test_an_old_link_leaves_the_topic_as_it_is_called_now(opened: Open) -> None:
    """The event of a link signed with the former name, also twice renamed, is written under the present one."""
    opened(REMINDERS, OFFERS)
    system = opened(NUDGES, OFFERS)
    ingested(system, word("ann", "reminders"), word("bob", "nudges"), word("cat", "offers"))
    assert in_force(system.engine) == {("ann", "topic:nudges"), ("bob", "topic:nudges"), ("cat", "topic:offers")}
    system = opened(NUDGES.replace("nudges:", "hints:").replace("reminders", "nudges"), OFFERS)
    ingested(system, word("dan", "reminders"), word("eve", "nudges"), word("fay", "hints"))
    hints = {(name, "topic:hints") for name in ("ann", "bob", "dan", "eve", "fay")}
    assert in_force(system.engine) == hints | {("cat", "topic:offers")}


def test_a_word_to_leave_what_nobody_knows_means_all_mail(opened: Open) -> None:
    """A topic was never known, or is retired: if in doubt, mail less. A known topic is left alone."""
    system = opened(REMINDERS, OFFERS, retired="[winter]")
    ingested(system, word("ann", "winter"), word("bob", "never_there"), word("cat", "offers"), word("dan", "all"))
    everything = {("ann", "all"), ("bob", "all"), ("dan", "all")}
    assert in_force(system.engine) == everything | {("cat", "topic:offers")}


def test_a_message_of_ours_names_who_left(opened: Open) -> None:
    """A word without an address is that of the mail's customer. The mail's topic has another name by then."""
    system = opened(REMINDERS)
    members(system.engine, "ann")
    planned(system)
    system = opened(NUDGES)
    with system.engine.connect() as connection:
        ((enrollment_id,),) = rows(connection, "select enrollment_id from message.message")
        message_id = message_id_of(connection, enrollment_id, "reminder")
    ingested(system, {**word("ann", "reminders"), "email": None, "lm_message_id": message_id})
    assert in_force(system.engine) == {("ann", "topic:nudges")}


def test_the_later_word_stands_where_both_topics_were_left(opened: Open) -> None:
    """Two topics become one: the newest leave or return of either counts, at the same second the leave."""
    engine = opened(REMINDERS, OFFERS).engine
    at = {hour: NOON + hour * HOUR for hour in range(5)}
    left(engine, "one@example.com", "reminders", at[1])
    left(engine, "both@example.com", "reminders", at[1])
    left(engine, "both@example.com", "offers", at[2])
    left(engine, "back_later@example.com", "reminders", at[1])
    left(engine, "back_later@example.com", "offers", at[2], lifted_at=at[3])
    left(engine, "back_before@example.com", "reminders", at[4])
    left(engine, "back_before@example.com", "offers", at[2], lifted_at=at[3])
    left(engine, "said_yes@example.com", "reminders", at[1])
    returned(engine, "said_yes@example.com", "offers", at[2])
    left(engine, "said_no@example.com", "reminders", at[2])
    returned(engine, "said_no@example.com", "offers", at[2])
    returned(engine, "twice@example.com", "offers", at[2])
    returned(engine, "twice@example.com", "reminders", at[1])
    merged = OFFERS.replace("description", "renamed_from: [reminders], description")
    for _ in range(2):  # again it changes nothing
        engine = opened(merged).engine
        assert opt_outs(engine) == {
            ("one", "topic:offers", None), ("both", "topic:offers", None), ("back_later", "topic:offers", at[3]),
            ("back_before", "topic:offers", None), ("said_yes", "topic:offers", at[2]),
            ("said_no", "topic:offers", None),
        }  # fmt: skip
        with engine.connect() as connection:
            query = "select split_part(address, '@', 1), scope, resubscribed_at from event.resubscription"
            assert set(rows(connection, query)) == {
                ("said_yes", "topic:offers", at[2]), ("said_no", "topic:offers", at[2]),
                ("twice", "topic:offers", at[2]),
            }  # fmt: skip


def test_planned_mails_go_on_under_the_new_topic(opened: Open) -> None:
    """Sender and cap are those of nudges; what is in doubt is settled by its policy, though planned as reminders."""
    system = opened(REMINDERS)
    members(system.engine, "ann", "bob")
    planned(system)
    with system.engine.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set state = 'in_doubt', claimed_at = %s where customer_id = 'bob'", (NOON,)
        )
    nudges = NUDGES.replace("description", "in_doubt: resend, settle_after_hours: 4, description")
    system = opened(nudges.replace("hello@example.com", "nudges@example.com"))
    with system.engine.connect() as connection:
        assert rows(connection, "select topic from message.shell") == [("nudges",)]
        assert rows(connection, "select topic from journey.campaign") == [("nudges",)]
        work, waiting = shells_with_work(
            connection, ClaimSetup(system.settings, system.topics, system.library, "test"), NOON
        )
    assert waiting == set()
    assert [one.topic.sender.email for one in work] == ["nudges@example.com"]
    report = DeliveryReport()
    reconcile(system.engine, system.topics, NOON + 72 * HOUR, report)
    # The policy is `resend`, which has too few mails to judge by; `abandon` would have no evidence.
    assert {row for row in states(system.engine) if row[0] == "bob"} == {
        ("bob", "reminder", "abandoned", "too_few_to_judge")
    }
    assert report.abandoned == {("nudges", "too_few_to_judge"): 1}


def test_a_worker_that_began_before_the_renaming_mails_nobody_who_left(opened: Open) -> None:
    """Its file still says reminders. The opt-outs belong to nudges now, and hold for it."""
    before = opened(REMINDERS)
    members(before.engine, "ann", "bob")
    planned(before)
    left(before.engine, "ann@example.com", "reminders", NOON - HOUR)
    setup = ClaimSetup(before.settings, before.topics, before.library, "test")
    with before.engine.connect() as connection:
        ((work,), _) = shells_with_work(connection, setup, NOON)
    opened(NUDGES)
    with before.engine.connect() as connection, connection.begin() as transaction:
        claim = claim_in(connection, setup, Batch(work, NOON, 10))
        transaction.rollback()
    assert (claim.picked, dict(claim.ended)) == (2, {"suppressed": 1})
    with pytest.raises(CampaignError, match="topic 'nudges' is missing"):
        opened(REMINDERS)


def test_a_planning_run_that_began_before_the_renaming_plans_for_nobody_who_left(opened: Open) -> None:
    """Its file still says reminders, and the opt-outs belong to nudges: the decision looks them up by both names."""
    before = opened(REMINDERS)
    members(before.engine, "ann", "bob")
    left(before.engine, "ann@example.com", "reminders", NOON - 9 * HOUR)
    opened(NUDGES)
    planned(before, campaign_of(exit_on=["order"]))
    with before.engine.connect() as connection:
        query = "select customer_id, outcome, reason, detail ->> 'scope' from decision.decision"
        assert set(rows(connection, query)) == {
            ("ann", "skip", "suppressed", "topic:nudges"), ("bob", "send", "eligible", None),
        }  # fmt: skip
    assert would_go(opened(NUDGES)) == {"go": 1}  # its shell, written as reminders, is renamed at the next opening


class _Lists(SuppressionLists):
    """SendGrid's lists: they hold only two addresses, which left group 1001."""

    def __init__(self) -> None:
        self.rows_a_page = 500

    def page(self, *_: Any) -> list[Listed]:
        return []

    def group_members(self) -> list[Listed]:
        return [Listed(f"{name}@example.com", int((NOON - HOUR).timestamp()), 1001) for name in ("ann", "bob")]


def test_lists_and_returns_read_with_the_former_file_are_of_the_present_topic(opened: Open) -> None:
    """A sync and an ingest that began before the renaming: leave and return of the group are words about nudges."""
    before = opened(REMINDERS)
    opened(NUDGES)
    simulating = dataclasses.replace(before.settings, mode="simulate", sendgrid_base_url="http://127.0.0.1:1")
    events.pull(before.engine, simulating, before.topics, now=NOON, lists=_Lists())  # no connection is made
    assert in_force(before.engine) == {("ann", "topic:nudges"), ("bob", "topic:nudges")}
    back = {"event": "group_resubscribe", "sg_event_id": "back", "asm_group_id": 1001, "email": "ann@example.com"}
    ingested(before, back)
    assert in_force(before.engine) == {("bob", "topic:nudges")}


def test_a_retired_topic_keeps_its_opt_outs_and_ends_its_mails(opened: Open) -> None:
    """Planned mails end with a reason, at once, and none waits. The opt-outs hold again if the topic comes back."""
    system = opened(REMINDERS, OFFERS)
    members(system.engine, "ann", "bob")
    planned(system)
    left(system.engine, "ann@example.com", "reminders", NOON)
    system = opened(OFFERS, retired="[reminders]")
    assert would_go(system) == {}
    simulating = dataclasses.replace(system.settings, mode="simulate")
    assert delivery.waits(system.engine, simulating, system.topics, NOON) == []
    report = DeliveryReport()
    reconcile(system.engine, system.topics, NOON, report)
    assert report.ended == {"topic_retired": 2}
    with system.engine.connect() as connection:
        assert set(rows(connection, "select state, reason from message.message")) == {("cancelled", "topic_retired")}
    assert in_force(system.engine) == {("ann", "topic:reminders")}
    opened(REMINDERS, OFFERS)
    assert in_force(system.engine) == {("ann", "topic:reminders")}


def test_a_campaign_that_moves_to_another_topic_mails_by_that_one(opened: Open) -> None:
    """Its template is the same; sender, group and opt-outs are those of the topic it is of now."""
    system = opened(REMINDERS, OFFERS)
    members(system.engine, "ann")
    planned(system)
    system = opened(OFFERS, retired="[reminders]")
    with system.engine.begin() as connection:
        customer(connection, "bob")
        member(connection, "bob", "cart-bob")
    planned(system, campaign_of(topic="offers"))
    assert would_go(system) == {"go": 1}


def test_a_name_that_was_given_away_means_no_second_topic(opened: Open) -> None:
    """Old links of reminders leave nudges. So neither a new topic nor another topic's former name may be called
    reminders."""
    opened(REMINDERS, OFFERS)
    system = opened(NUDGES, OFFERS)
    left(system.engine, "ann@example.com", "nudges", NOON)
    plain = NUDGES.replace("renamed_from: reminders, ", "")
    opened(plain, OFFERS)  # the warehouse remembers; the file need not say it for ever
    with pytest.raises(CampaignError) as caught:
        opened(plain, REMINDERS.replace("1001", "1009"), OFFERS)
    assert str(caught.value) == (
        "topics.yaml: topic 'reminders' became 'nudges', and old opt-outs and links still carry the name: "
        "'reminders' needs another name"
    )
    with pytest.raises(CampaignError) as caught:
        opened(plain, OFFERS.replace("description", "renamed_from: reminders, description"))
    assert str(caught.value) == (
        "topics.yaml: topic 'reminders' became 'nudges', and old opt-outs and links still carry the name: "
        "'reminders' cannot be `renamed_from` of 'offers'"
    )
    back = REMINDERS.replace("description", "renamed_from: nudges, description")
    system = opened(back, OFFERS)
    ingested(system, word("bob", "nudges"), word("cat", "reminders"))
    assert in_force(system.engine) == {(name, "topic:reminders") for name in ("ann", "bob", "cat")}


def test_a_renaming_waits_for_an_ingest_under_way(opened: Open) -> None:
    """No word is written under the former name after it was renamed. Openings without news do not wait."""
    system = opened(REMINDERS)
    left(system.engine, "ann@example.com", "reminders", NOON)
    done = Event()
    with system.engine.connect() as holder, session_lock(holder, "ingest"):
        opened(REMINDERS)
        thread = Thread(target=lambda: (opened(NUDGES), done.set()))
        thread.start()
        for _ in range(200):
            if waiting_for_locks(system.engine):
                break
            done.wait(0.05)
        assert not done.is_set()
        assert in_force(system.engine) == {("ann", "topic:reminders")}
    thread.join()
    assert in_force(system.engine) == {("ann", "topic:nudges")}


def test_a_kill_in_between_leaves_all_of_it_or_nothing(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the last stage was renamed, before the file's words are noted: everything is as before."""
    system = opened(REMINDERS)
    members(system.engine, "ann")
    planned(system)
    left(system.engine, "ann@example.com", "reminders", NOON)

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr("lifecycle_mail.topic_names._json", die)
        with pytest.raises(Killed):
            opened(NUDGES)
    with system.engine.connect() as connection:
        assert rows(connection, "select topic from message.shell") == [("reminders",)]
    assert in_force(system.engine) == {("ann", "topic:reminders")}
    opened(NUDGES)
    assert in_force(system.engine) == {("ann", "topic:nudges")}
