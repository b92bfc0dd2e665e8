"""The preview of a segment: sizes, who may be mailed, overlaps, changes, samples without names, and the past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import campaign, customer, insert, order
from commands import Command
from lifecycle_mail import previews, segments
from lifecycle_mail.campaigns import read_topics
from lifecycle_mail.settings import INCLUDE

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
REMINDERS = read_topics(INCLUDE / "topics.yaml")["reminders"]
Write = Callable[..., str]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Writes a rules file and returns its path."""

    def write(rules: str, name: str = "asked") -> str:
        path = tmp_path / f"{name}.yaml"
        head = f"segment: {name}\nwhat: Asked for.\nowner: marketing@example.com\n"
        path.write_text(f"{head}rules: {rules}\n", encoding="utf-8")
        return str(path)

    return write


def _mail(connection: Connection, number: int, who: str, at: datetime) -> None:
    insert(
        connection, "message.message",
        message_id=f"00000000-0000-0000-0000-{number:012d}", enrollment_id=number, step="reminder",
        campaign="cart_abandoned", customer_id=who, topic="reminders", variant="default", priority=50,
        state="accepted", planned_at=at, not_before=at, expires_at=at + DAY, send_day=at.date(), accepted_at=at,
    )  # fmt: skip


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """Six customers from Thailand: two may be mailed, the others have four different reasons; and one from Norway."""
    with warehouse.begin() as connection:
        for name in ("ann", "ben", "cem", "dee", "eve", "fay"):
            customer(connection, name, country="TH", first_name=name.title())
        customer(connection, "gus", country="NO")
        for who, permission in (("cem", "none"), ("dee", "withdrawn")):
            connection.execute(
                sa.text("update source.customer set permission = :said where customer_id = :who"),
                {"said": permission, "who": who},
            )
        insert(
            connection, "event.suppression",
            address="eve@example.com", scope="all", reason="bounce", suppressed_at=NOW - DAY, source="event",
        )  # fmt: skip
        insert(
            connection, "event.soft_bounce",
            address="fay@example.com", bounced_at=[NOW - DAY], rests_until=NOW + DAY, batch_id=1,
        )  # fmt: skip
        campaign(connection)
    return warehouse


def test_who_may_be_mailed_and_why_not_the_others(shop: Engine, written: Write) -> None:
    """Each customer is counted once, with the first reason that a decision would name."""
    found = previews.preview(shop, written("{all: [{is: country, in: [TH]}]}"), REMINDERS, NOW, NOW)
    assert (found.customers, found.list_size, found.reach.mailable) == (6, 7, 2)
    assert found.reach.refused == {"no_permission": 2, "suppressed: bounce": 1, "mailbox_rests": 1}
    assert found.share == pytest.approx(6 / 7)


def test_overlaps_count_customers_who_are_in_both_then(shop: Engine, written: Write) -> None:
    """The other segments are those that are kept, at the same moment; the segment itself is left out."""
    norway = written("{all: [{is: country, in: ['NO', TH]}]}", "everyone")
    few = written("{all: [{is: country, in: ['NO']}]}", "few")
    for path in (norway, few):
        segments.refresh(shop, path, NOW - DAY)
    found = previews.preview(shop, written("{all: [{is: country, in: [TH]}]}"), REMINDERS, NOW, NOW)
    assert found.overlaps == [("everyone", 7, 6), ("few", 1, 0)]
    assert previews.preview(shop, norway, REMINDERS, NOW, NOW).overlaps == [("few", 1, 1)]


def test_samples_are_masked(shop: Engine, written: Write) -> None:
    """Ten customers at the most, always the same ones; no name and no address can be read."""
    path = written("{all: [{is: country, in: [TH]}]}")
    found = previews.preview(shop, path, REMINDERS, NOW, NOW)
    ann = next(one for one in found.sample if one["customer_id"] == "ann")
    assert (ann["first_name"], ann["email"], len(found.sample)) == ("A…", "a…@e….com", 6)
    assert found.sample == previews.preview(shop, path, REMINDERS, NOW, NOW).sample
    assert "example.com" not in previews.markdown(found)


def test_a_new_version_says_who_comes_in_and_who_leaves(
    shop: Engine, written: Write, command: Command
) -> None:
    """The preview of a rules file compares it with the segment that runs under its name."""
    command = command.at(NOW)
    for rules in ("{all: [{is: country, in: [TH]}]}", "{all: [{is: country, in: ['NO']}]}"):
        path = written(rules, "asia")
        assert command("segment", "request", path, "--by", "marketing")[0] == 0
        if "NO" not in rules:
            assert command("segment", "approve", "asia", "--by", "crm")[0] == 0
    status, out, _ = command("segment", "preview", path, "--no-replay")
    assert status == 0
    assert "1 customer comes in, 6 leave, 0 stay." in out
    assert "of `country` only the latest state is known" in out


def test_a_key_that_is_an_address_and_a_name_of_one_letter_are_masked(shop: Engine, written: Write) -> None:
    """What the shop uses as its key of a customer, or a name of one letter, is not readable either."""
    with shop.begin() as connection:
        customer(connection, "hao@example.com", country="TW", first_name="昊", email="h@example.com")
    found = previews.preview(shop, written("{all: [{is: country, in: [TW]}]}"), REMINDERS, NOW, NOW)
    assert [(one["customer_id"], one["first_name"], one["email"]) for one in found.sample] == [
        ("h…@…", "…", "h…@e….com")
    ]
    shown = previews.markdown(found)
    assert "昊" not in shown
    assert "**1 customer**, at 2026-06-01 12:00 UTC. That is 12.5% of the shop's 8 customers." in shown


def test_a_segment_without_members_says_so(shop: Engine, written: Write) -> None:
    """No customer is a sentence, and tables of nothing are left out."""
    found = previews.preview(shop, written("{all: [{is: country, in: [DE]}]}"), REMINDERS, NOW, NOW)
    shown = previews.markdown(found, with_sql=False)
    assert "**No customer** is in it at 2026-06-01 12:00 UTC. The shop has 7 customers then." in shown
    assert "|" not in shown


def test_columns_stand_below_each_other(shop: Engine, written: Write) -> None:
    """A pipe or a file shows the text as it is, so the text itself is a table; numbers are on the right."""
    found = previews.preview(shop, written("{all: [{is: country, in: [TH]}]}"), REMINDERS, NOW, NOW)
    tables = previews.markdown(found, with_sql=False).split("### ")[1:]
    lines = [line for line in tables[0].splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1
    assert lines[1].endswith("-: |")
    assert lines[2].endswith(" 2 |")


@pytest.mark.parametrize("name", ["inactive", "cart_abandoned", "rules"])
def test_the_select_runs_as_it_is_printed(shop: Engine, written: Write, name: str) -> None:
    """psql takes it: values are in place, quotes and percent signs are right, and it ends with a semicolon."""
    asked = written("{all: [{is: city, not_in: [\"50% o'clock\"]}]}") if name == "rules" else name
    text = previews.runnable(previews.preview(shop, asked, REMINDERS, NOW, NOW))
    assert text.endswith(";")
    assert " */\n\n" not in text
    with shop.connect() as connection, connection.connection.cursor() as cursor:
        cursor.execute(text)  # without parameters the driver reads no percent sign
        assert [column.name for column in cursor.description][:2] == ["customer_id", "occurrence"]


def test_what_it_would_have_done(shop: Engine, written: Write) -> None:
    """Week by week: who entered, who would have been mailed, whose cap was full, and who got much already."""
    with shop.begin() as connection:
        # ann, ben and cem ordered 20 days ago and enter the segment ten days later; ann had a mail that very day,
        # and ben got many in the weeks before.
        for who in ("ann", "ben", "cem"):
            order(connection, f"o-{who}", who, NOW - 20 * DAY)
        _mail(connection, 1, "ann", NOW - 7 * DAY - timedelta(hours=3))
        for number in range(10):
            _mail(connection, 10 + number, "ben", NOW - (15 + number) * DAY)
    path = written("{all: [{did: ordered}], none: [{did: ordered, within_days: 10}]}")
    points = previews.replay(shop, path, REMINDERS, NOW)
    assert [(point.at, point.members, point.entered) for point in points] == [
        (NOW - 7 * (12 - week) * DAY, *((3, 3) if week == 11 else (3, 0) if week == 12 else (0, 0)))
        for week in range(13)
    ]
    assert (points[11].mails, points[11].capped, points[11].pressed) == (1, 1, 1)


def test_ninety_days_are_judged_one_by_one(shop: Engine, written: Write) -> None:
    """The daily form finds the day of the entry."""
    with shop.begin() as connection:
        order(connection, "o-ann", "ann", NOW - 20 * DAY)
    path = written("{all: [{did: ordered}], none: [{did: ordered, within_days: 10}]}")
    points = previews.replay(shop, path, REMINDERS, NOW, previews.DAILY)
    assert len(points) == 90
    assert [point.at for point in points if point.entered] == [NOW - 10 * DAY]


def test_a_preview_writes_nothing(shop: Engine, written: Write) -> None:
    """After a preview and a replay no table of the stage has another row."""
    path = written("{all: [{is: country, in: [TH]}]}")
    previews.preview(shop, path, REMINDERS, NOW, NOW)
    previews.replay(shop, path, REMINDERS, NOW)
    with shop.connect() as connection:
        for table in ("membership", "refresh", "size_daily", "request"):
            rows = sa.select(sa.func.count()).select_from(sa.table(table, schema="segment"))
            assert connection.execute(rows).scalar_one() == 0


def test_the_size_says_who_may_be_mailed(shop: Engine, written: Write, command: Command) -> None:
    """The number alone goes to stdout, for scripts; who may be mailed goes to stderr, for people."""
    status, out, error = command.at(NOW)("segment", "size", written("{all: [{is: country, in: [TH]}]}"))
    assert (status, out) == (0, "6\n")
    assert [tuple(line.split(maxsplit=1)) for line in error.splitlines()] == [
        ("2", "may be mailed"),
        ("2", "no_permission"),
        ("1", "mailbox_rests"),
        ("1", "suppressed: bounce"),
    ]
