"""After a no, one opt-in mail per mailbox in 30 days: whatever topics, customers and claims ask for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from builders import rows, waiting_for_locks
from lifecycle_mail.campaigns import Campaign, Topic
from lifecycle_mail.campaigns.topics import Topics
from lifecycle_mail.delivery.claims import Claim, claim, claim_in
from lifecycle_mail.delivery.picking import Batch
from lifecycle_mail.delivery.work import ClaimSetup, ShellWork, shells_with_work
from lifecycle_mail.messages.states import MessageKey
from lifecycle_mail.topic_names import agree
from local_stack.processes import wait_until
from mailbox_world import DAY, HOUR, World
from planning import LIBRARY, campaign_of, decided, member, plan, topic_of
from running_services import Service

ASKS = {"kind": "transactional", "permissions": ["pending", "confirmed"]}
TOPICS = {name: topic_of(topic=name, **(ASKS if name != "offers" else {})) for name in ("welcome", "club", "offers")}


@pytest.fixture
def world(warehouse: Engine, tmp_path: Path, simulator: Service) -> World:
    agree(warehouse, Topics(TOPICS), "topics.yaml")
    return World(warehouse, tmp_path, simulator)


def of(topic: Topic) -> Campaign:
    return campaign_of(campaign=f"for_{topic.topic}", topic=topic.topic, reenter_after_days=1, exit_on=["order"])


def planned(world: World, topic: str, *customer_ids: str) -> None:
    """Plan a mail of the topic for each customer."""
    with world.warehouse.begin() as connection:
        connection.exec_driver_sql("delete from segment.membership")
        for one in customer_ids:
            member(connection, one, f"{one}-{world.now:%j%H%M}", at=world.now)
    plan(world.warehouse, of(TOPICS[topic]), TOPICS[topic], world.now)


def works(world: World, setup: ClaimSetup) -> dict[str, ShellWork]:
    with world.warehouse.begin() as connection:
        found, _ = shells_with_work(connection, setup, world.now)
    return {work.topic.topic: work for work in found}


def keys(world: World) -> dict[str, MessageKey]:
    query = "select customer_id, enrollment_id, step from message.message where state = 'planned'"
    with world.warehouse.connect() as connection:
        return {who: MessageKey(series, step) for who, series, step in rows(connection, query)}


def left_and_came_back(world: World, *customer_ids: str) -> None:
    """The mailbox says no, and each of its customers signs up again."""
    world.report({"event": "unsubscribe", "email": "info@example.com"})
    for one in customer_ids:
        world.say(one, "pending", "sign_up")


@pytest.mark.parametrize("second", ["welcome", "club"])
@pytest.mark.parametrize("commits", [True, False])
def test_two_claims_of_one_moment_ask_a_mailbox_once(world: World, second: str, commits: bool) -> None:
    """Two customers, of one topic or of two: the second claim waits for the first, and lets its mail go only if that of
    the first did not. A third mailbox waits for neither."""
    world.load("a,info@example.com,pending,", "b,Info@Example.com,pending,", "c,c@example.com,pending,")
    planned(world, "welcome", *(("a", "b", "c") if second == "welcome" else ("a", "c")))
    if second != "welcome":
        planned(world, second, "b")
    left_and_came_back(world, "a", "b")
    world.report({"event": "unsubscribe", "email": "c@example.com"})
    world.say("c", "pending", "sign_up")
    setup = ClaimSetup(world.installation.settings, TOPICS, LIBRARY, "test")
    work, key = works(world, setup), keys(world)

    def ask(whom: str) -> Claim:
        topic = second if whom == "b" else "welcome"
        return claim(world.warehouse, setup, Batch(work[topic], world.now, only=key[whom]))

    with ThreadPoolExecutor() as pool, world.warehouse.connect() as connection:
        transaction = connection.begin()
        assert claim_in(connection, setup, Batch(work["welcome"], world.now, only=key["a"])).attempt
        waiting = pool.submit(ask, "b")
        wait_until(lambda: waiting_for_locks(world.warehouse) == 1, "the second claim did not wait", 60)
        assert ask("c").attempt
        if commits:
            transaction.commit()
        else:
            transaction.rollback()
        found = waiting.result(timeout=60)
    assert (found.attempt is not None, dict(found.ended)) == ((False, {"asked_lately": 1}) if commits else (True, {}))
    again = claim(world.warehouse, setup, Batch(work["welcome"], world.now))
    assert (again.attempt, again.ended["asked_lately"]) == (None, 0 if commits else 1)


def test_mails_of_each_topic_that_asks_count(world: World) -> None:
    """The mailbox was asked by one topic: no other asks its customers within 30 days, nor one who has it since, nor
    after the customer who was asked left. Mails that ask for nothing do not count, nor those to another mailbox."""
    homes = {"a": "info", "b": "info", "c": "c", "d": "d"}
    world.load(*(f"{one},{home}@example.com,pending," for one, home in homes.items()))
    setup = ClaimSetup(world.installation.settings, TOPICS, LIBRARY, "test")
    planned(world, "welcome", "a")
    assert claim(world.warehouse, setup, Batch(works(world, setup)["welcome"], world.now)).attempt
    world.load("c,c@example.com,confirmed,")
    planned(world, "offers", "c")
    assert claim(world.warehouse, setup, Batch(works(world, setup)["offers"], world.now)).attempt
    world.load("a,a.new@example.com,pending,", "e,info@example.com,pending,")
    left_and_came_back(world, "b", "e")
    for one in "cd":
        world.report({"event": "unsubscribe", "email": f"{one}@example.com"})
        world.say(one, "pending", "sign_up")
    planned(world, "club", *"bcde")
    assert {(who, reason) for who, _, _, reason in decided(world.warehouse)} == {
        ("a", "eligible"), ("b", "asked_lately"), ("c", "eligible"), ("d", "eligible"), ("e", "asked_lately"),
    }  # fmt: skip
    world.now += 30 * DAY + HOUR
    planned(world, "club", "b")
    assert ("b", "reminder", "send", "eligible") in decided(world.warehouse)


def test_an_ended_topic_counts_too(world: World) -> None:
    """Its mails may have asked."""
    world.load("a,info@example.com,pending,")
    setup = ClaimSetup(world.installation.settings, TOPICS, LIBRARY, "test")
    planned(world, "welcome", "a")
    assert claim(world.warehouse, setup, Batch(works(world, setup)["welcome"], world.now)).attempt
    left = {name: topic for name, topic in TOPICS.items() if name != "welcome"}
    agree(world.warehouse, Topics(left, retired=["welcome"]), "topics.yaml")
    with world.warehouse.connect() as connection:
        query = "select topic, is_retired, accepts_pending from installation.topic order by topic"
        assert rows(connection, query) == [("club", False, True), ("offers", False, False), ("welcome", True, True)]
    left_and_came_back(world, "a")
    planned(world, "club", "a")
    assert ("a", "reminder", "skip", "asked_lately") in decided(world.warehouse)
