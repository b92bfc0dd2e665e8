"""Unsubscribe groups of a SendGrid account that other applications use too: whose word binds which mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy.engine import Engine

from builders import NOON, rows
from lifecycle_mail.campaigns import Topics, read_topics
from lifecycle_mail.errors import CampaignError
from lifecycle_mail.events import pull, unlisted_groups
from lifecycle_mail.pipeline import Installation
from lifecycle_mail.sendgrid.suppression_lists import Listed
from lifecycle_mail.settings import Settings
from lifecycle_mail.topic_names import agree
from planning import BRAND, campaign_of, decided, members, plan, topic_of

SENDER = "sender: {name: Shop, email: hello@example.com}, kind: marketing"
TOPIC = f"reminders: {{description: x, sendgrid_group_id: 1001, {SENDER}}}"
SALE = f"sale: {{description: y, sendgrid_group_id: 1004, {SENDER}}}"
UNLISTED, FOREIGN = 77, 78


class Lists:
    """SendGrid's lists: they hold only who left a group, and when."""

    rows_a_page = 500

    def __init__(self, *left: tuple[str, int, datetime]) -> None:
        self.left = [Listed(f"{name}@example.com", int(at.timestamp()), group) for name, group, at in left]

    def __enter__(self) -> Lists:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def page(self, list_name: str, start_epoch: int, end_epoch: int, offset: int) -> list[Listed]:
        return []

    def group_members(self) -> list[Listed]:
        return self.left


class World:
    def __init__(self, warehouse: Engine, folder: Path) -> None:
        self.warehouse, self.folder = warehouse, folder
        self.told = 0
        self.open(TOPIC)

    def open(self, *topics: str, more: str = "") -> None:
        """Open the installation with a topics file."""
        file = self.folder / "topics.yaml"
        file.write_text("topics:\n" + "".join(f"  {topic}\n" for topic in topics) + more + "\n")
        self.topics = read_topics(file)
        agree(self.warehouse, self.topics, file.name)
        settings = Settings(
            database_url=self.warehouse.url.render_as_string(hide_password=False), mode="simulate",
            sendgrid_base_url="http://127.0.0.1:9", sendgrid_api_key="x",
        )  # fmt: skip
        self.installation = Installation(settings, self.warehouse, self.topics, BRAND)

    def report(self, kind: str, name: str, group: object, at: datetime = NOON, **more: Any) -> None:
        self.told += 1
        event = {
            "email": f"{name}@example.com", "timestamp": int(at.timestamp()), "event": kind, "asm_group_id": group,
            "sg_event_id": f"e{self.told}", **more,
        }  # fmt: skip
        path = self.folder / f"{self.told}.ndjson"
        path.write_bytes(orjson.dumps(event) + b"\n")
        self.installation.ingest(path)

    def sync(self, *left: tuple[str, int, datetime]) -> dict[str, int]:
        lists: Any = Lists(*left)
        now = datetime.now(UTC)
        return pull(self.warehouse, self.installation.settings, self.topics, now=now, lists=lists).counts()

    def standing(self) -> set[tuple[str, str]]:
        """(name, scope) of every suppression in force."""
        query = "select split_part(address, '@', 1), scope from event.suppression where lifted_at is null"
        with self.warehouse.connect() as connection:
            return set(rows(connection, query))

    def unlisted(self) -> list[tuple[int, int]]:
        with self.warehouse.connect() as connection:
            return [(group.group_id, group.addresses) for group in unlisted_groups(connection)]


@pytest.fixture
def world(warehouse: Engine, tmp_path: Path) -> World:
    return World(warehouse, tmp_path)


def test_another_applications_group_is_ignored(world: World) -> None:
    """Listed under foreign_groups, its leaves, returns and drops say nothing, from the webhook and from the lists. A
    group of ours counts next to it."""
    world.open(TOPIC, more=f"foreign_groups: [{FOREIGN}]")
    world.report("group_unsubscribe", "ann", FOREIGN)
    world.report("group_unsubscribe", "ann", str(FOREIGN))
    world.report("dropped", "ann", FOREIGN, reason="Unsubscribed Address")
    world.report("group_unsubscribe", "bob", 1001)
    counts = world.sync(("cat", FOREIGN, NOON), ("dan", 1001, NOON))
    assert world.standing() == {("bob", "topic:reminders"), ("dan", "topic:reminders")}
    assert (counts["listed"], counts["foreign"], counts["suppressed"]) == (2, 1, 1)
    assert world.unlisted() == []


def test_an_unlisted_group_blocks_all_mail_under_its_own_scope(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Who left it gets no mail, and the report names the group. Its return lifts that row alone, whatever order the
    two come in, and not what the person said otherwise."""
    world.report("group_unsubscribe", "ann", UNLISTED)
    world.report("unsubscribe", "bob", None)
    world.report("group_unsubscribe", "bob", UNLISTED)
    world.report("group_resubscribe", "dan", UNLISTED, NOON + timedelta(hours=1))
    world.report("group_unsubscribe", "dan", UNLISTED)
    world.sync(("cat", UNLISTED, NOON))
    assert world.standing() == {
        ("ann", "group:77"), ("bob", "all"), ("bob", "group:77"), ("cat", "group:77"),
    }  # fmt: skip
    assert world.unlisted() == [(UNLISTED, 3)]
    assert "unsubscribe group 77 is no topic's: the 3 address(es)" in caplog.text

    members(world.warehouse, "ann", "eve")
    plan(world.warehouse, campaign_of(), topic_of())
    assert {(one[0], one[3]) for one in decided(world.warehouse)} == {("ann", "suppressed"), ("eve", "eligible")}

    world.report("group_resubscribe", "ann", UNLISTED, NOON + timedelta(hours=1))
    world.report("group_resubscribe", "bob", UNLISTED, NOON + timedelta(hours=1))
    assert world.standing() == {("bob", "all"), ("cat", "group:77")}


@pytest.mark.parametrize("group", [-5, 0, 2**63, "9" * 30, "x", 1.5, None, "77x"])
def test_what_is_no_number_of_a_group_means_all_mail(world: World, group: object) -> None:
    """An ingest does not stop at a group number that no group can have."""
    world.report("group_unsubscribe", "ann", group)
    assert world.standing() == {("ann", "all")}


def test_the_topics_file_says_later_whose_a_group_is(world: World) -> None:
    """An unlisted group that becomes another application's blocks no one any more. One that becomes a topic's is that
    topic's word, where a return counts. If the file stops calling it another application's, the lists tell it again."""
    for name, group in (("ann", UNLISTED), ("bob", FOREIGN), ("cat", UNLISTED)):
        world.report("group_unsubscribe", name, group)
    world.report("group_resubscribe", "cat", UNLISTED, NOON + timedelta(hours=1))
    nudges = f"nudges: {{description: x, sendgrid_group_id: {UNLISTED}, {SENDER}}}"
    world.open(TOPIC, nudges, more=f"foreign_groups: [{FOREIGN}]")
    assert world.standing() == {("ann", "topic:nudges")}
    assert world.unlisted() == []
    world.open(TOPIC, nudges)
    world.sync(("bob", FOREIGN, NOON))
    assert world.standing() == {("ann", "topic:nudges"), ("bob", f"group:{FOREIGN}")}


def test_a_topic_that_gets_another_group_keeps_the_words_of_the_former_one(world: World) -> None:
    """Mails that were sent carry the former group, and its members left the topic."""
    world.open(TOPIC.replace("1001", "2001"))
    world.report("group_unsubscribe", "ann", 1001)
    world.report("group_unsubscribe", "bob", 2001)
    world.sync(("cat", 1001, NOON))
    assert world.standing() == {(name, "topic:reminders") for name in ("ann", "bob", "cat")}


@pytest.mark.parametrize("is_known_before", [True, False])
def test_the_group_of_a_topic_that_has_ended(world: World, is_known_before: bool) -> None:
    """Its members from before the end left that topic alone. A word from after it blocks all mail, under the group's
    scope, so that a return lifts it. The group is known from the file's past, or stands next to the name."""
    if is_known_before:
        world.open(TOPIC, SALE)
        world.open(TOPIC, more="retired: [sale]")
    else:
        world.open(TOPIC, more="retired: [{topic: sale, sendgrid_group_id: 1004}]")
    later = datetime.now(UTC) + timedelta(hours=1)
    world.sync(("ann", 1004, NOON))
    world.report("group_unsubscribe", "bob", 1004, NOON)
    world.report("group_unsubscribe", "cat", 1004, later)
    world.report("group_unsubscribe", "dan", 1004, later)
    world.report("group_resubscribe", "dan", 1004, later + timedelta(hours=1))
    assert world.standing() == {("ann", "topic:sale"), ("bob", "topic:sale"), ("cat", "group:1004")}
    world.open(TOPIC, SALE)
    assert world.standing() == {("ann", "topic:sale"), ("bob", "topic:sale"), ("cat", "topic:sale")}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("foreign_groups: 7", r"topics.yaml:3: 'foreign_groups' is a list of the numbers"),
        ("foreign_groups: [x]", r"topics.yaml:3: 'foreign_groups' is a list"),
        ("foreign_groups: [true]", r"topics.yaml:3: 'foreign_groups' is a list"),
        ("foreign_groups: [-1]", r"topics.yaml:3: 'foreign_groups' is a list"),
        ("foreign_groups: [1001]", r"topics.yaml:3: foreign_groups: 1001 is the group of 'reminders' already"),
        ("foreign_group: [7]", r"topics.yaml:3: unknown key 'foreign_group'.*foreign_groups"),
        ("retired: [{topic: sale, sendgrid_group_id: 1001}]", r"retired: 1001 is the group of 'reminders' already"),
        ("retired: [{topic: sale, sendgrid_group_id: x}]", r"topics.yaml:3: 'retired': .* is not a name of a topic"),
        ("retired: [{topic: sale}]", r"topics.yaml:3: 'retired': .* is not a name of a topic"),
    ],
)
def test_a_wrong_list_of_groups_is_refused(tmp_path: Path, more: str, told: str) -> None:
    """With file and line, and what to write."""
    (tmp_path / "topics.yaml").write_text(f"topics:\n  {TOPIC}\n{more}\n")
    with pytest.raises(CampaignError, match=told):
        read_topics(tmp_path / "topics.yaml")


def test_the_topics_file_in_the_repository_is_read() -> None:
    """A file without these keys names the groups of its topics alone."""
    owners: Sequence[Any] = list(Topics({"reminders": topic_of(sendgrid_group_id=5)}).group_owners.items())
    assert owners == [(5, "reminders")]
