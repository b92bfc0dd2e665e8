"""Migrations on a database that already has rows: what a version before this one wrote is carried over."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from builders import NOON, customer, enrollment, ensure_month, insert, message, rows
from lifecycle_mail import migrations
from lifecycle_mail.campaigns import read_topics
from lifecycle_mail.database import engine
from lifecycle_mail.delivery import approvals
from lifecycle_mail.errors import CampaignError
from lifecycle_mail.events import ingest
from lifecycle_mail.settings import INCLUDE
from lifecycle_mail.topic_names import agree


@pytest.fixture
def empty(server_url: str) -> Iterator[Engine]:
    """An engine on an empty database, dropped after the test."""
    name = f"lifecycle_upgrade_{uuid.uuid4().hex[:12]}"
    admin = engine(server_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f'create database "{name}"'))
        own = engine(make_url(server_url).set(database=name).render_as_string(hide_password=False))
        yield own
        own.dispose()
        connection.execute(sa.text(f'drop database "{name}" with (force)'))
    admin.dispose()


def test_series_under_way_keep_the_step_they_await(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each series with a step left awaits the same one after the upgrade; one that is through awaits none."""
    files = migrations.migration_files()
    monkeypatch.setattr(migrations, "migration_files", lambda: [file for file in files if file.stem < "0012"])
    migrations.migrate(empty)
    at = NOON + timedelta(hours=23)
    with empty.begin() as connection:
        common = {"campaign": "cart_abandoned", "occurrence": "x", "occurred_at": NOON, "enrolled_at": NOON,
                  "is_holdout": False}  # fmt: skip
        ann = insert(connection, "journey.enrollment", customer_id="ann", next_position=1, next_due_at=at, **common)
        insert(connection, "journey.enrollment", customer_id="bob", next_position=3, **common)
    monkeypatch.setattr(migrations, "migration_files", lambda: files)
    assert "0012_planning" in migrations.migrate(empty)
    with empty.connect() as connection:
        found = rows(connection, "select enrollment_id, campaign, position, due_at from journey.upcoming")
    assert found == [(ann, "cart_abandoned", 1, at)]


def test_decisions_without_their_mail_say_what_it_needs(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run between deciding and writing is upgraded: its decisions get day, language and currency; older ones not."""
    files = migrations.migration_files()
    monkeypatch.setattr(migrations, "migration_files", lambda: [file for file in files if file.stem < "0019"])
    migrations.migrate(empty)
    late = NOON.replace(hour=23)
    with empty.begin() as connection:
        connection.exec_driver_sql("select installation.ensure_month('decision.decision', '2026-03-02')")
        customer(connection, "ann", timezone="Asia/Tokyo", locale="de-DE", currency="EUR")
        series = insert(
            connection, "journey.enrollment", campaign="cart_abandoned", customer_id="ann", occurrence="x",
            occurred_at=NOON, enrolled_at=NOON, is_holdout=False, context={"currency": "USD"},
        )  # fmt: skip
        for step in ("reminder", "doubts"):
            decision = insert(
                connection, "decision.decision", decided_at=NOON, as_of=NOON, enrollment_id=series, step=step,
                campaign="cart_abandoned", customer_id="ann", variant="default", outcome="send", reason="eligible",
                due_at=NOON, not_before=late, expires_at=late,
            )  # fmt: skip
        insert(connection, "message.progress", campaign="cart_abandoned", last_decision_id=decision - 1)
    monkeypatch.setattr(migrations, "migration_files", lambda: files)
    assert "0019_decided_mail" in migrations.migrate(empty)
    with empty.connect() as connection:
        found = rows(
            connection, "select step, cast(send_day as text), language, currency from decision.decision order by step"
        )
    assert found == [("doubts", "2026-03-03", "de", "USD"), ("reminder", None, None, None)]


def test_events_of_before_are_known_again(empty: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Raw events keep what they say, and an export that holds them again adds only what is new."""
    files = migrations.migration_files()
    monkeypatch.setattr(migrations, "migration_files", lambda: [file for file in files if file.stem < "0016"])
    migrations.migrate(empty)
    posted = [
        {"sg_event_id": name, "event": "open", "timestamp": int(NOON.timestamp()), "email": "ann@example.com"}
        for name in ("Zürich_1", "zurich-1", "ZURICH1==", "new")
    ]
    with empty.begin() as connection:
        connection.exec_driver_sql("select installation.ensure_month('event.event', '2026-03-02')")
        batch = insert(connection, "event.batch", source_name="old")
        for one in posted[:3]:
            insert(
                connection, "event.event", sg_event_id=one["sg_event_id"], occurred_at=NOON, event="open",
                address=one["email"], batch_id=batch, raw=one,
            )  # fmt: skip
    monkeypatch.setattr(migrations, "migration_files", lambda: files)
    assert {"0016_raw_as_it_came", "0018_event_id_bytes"} <= set(migrations.migrate(empty))
    export = tmp_path / "again.ndjson"
    export.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in posted))
    report = ingest(empty, export)
    assert (report.received, report.inserted, report.duplicates) == (4, 1, 3)
    with empty.connect() as connection:
        found = dict(rows(connection, "select sg_event_id, raw from event.event"))
    assert found == {one["sg_event_id"]: one for one in posted}


def test_approvals_of_a_file_alone_are_kept_and_hold_no_more(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody approved templates and words: the old approval stays in the log, revoked, and can be given again."""
    files = migrations.migration_files()
    monkeypatch.setattr(migrations, "migration_files", lambda: [file for file in files if file.stem < "0029"])
    migrations.migrate(empty)
    with empty.begin() as connection:
        insert(
            connection, "delivery.approval", campaign="cart_abandoned", definition_md5="a" * 32, approved_at=NOON,
            approved_by="lead",
        )  # fmt: skip
    monkeypatch.setattr(migrations, "migration_files", lambda: files)
    assert "0029_definitions" in migrations.migrate(empty)
    with empty.connect() as connection:
        assert approvals(connection) == []
        assert rows(
            connection, "select campaign, definition_md5, approved_at, approved_by, reading, revoked_by"
            " from delivery.approval where revoked_at is not null",
        ) == [("cart_abandoned", "a" * 32, NOON, "lead", 0, "migration 0029")]  # fmt: skip


def test_who_was_dropped_for_leaving_a_topic_left_that_topic(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that raw drops explain become opt-outs, lifted where the person came back; what is not sure stays."""
    files = migrations.migration_files()
    monkeypatch.setattr(migrations, "migration_files", lambda: [file for file in files if file.stem < "0025"])
    migrations.migrate(empty)
    hour, left = timedelta(hours=1), "Unsubscribed Address"
    drops = {
        "topic": [(left, 7)], "everything": [(left, None)], "back": [(left, 7)],
        "invalid": [(left, 7), ("Invalid", 7)], "listed": [(left, 7)], "retired": [],
    }  # fmt: skip
    with empty.begin() as connection:
        ensure_month(connection, "event.event", NOON)
        for name, told in drops.items():
            _dropped(connection, name, told, NOON + hour if name == "listed" else NOON)
        insert(
            connection, "event.resubscription", address="back@example.com", scope="topic:reminders",
            resubscribed_at=NOON + hour, batch_id=1,
        )  # fmt: skip
    monkeypatch.setattr(migrations, "migration_files", lambda: files)
    assert "0025_drops_of_who_left" in migrations.migrate(empty)
    with empty.connect() as connection:
        found = rows(connection, "select address, scope, reason, lifted_at from event.suppression order by address")
    assert found == [
        ("back@example.com", "topic:reminders", "unsubscribed", NOON + hour),
        ("everything@example.com", "all", "unsubscribed", None),
        ("invalid@example.com", "all", "dropped", None),
        ("listed@example.com", "all", "dropped", None),
        ("retired@example.com", "all", "dropped", None),
        ("topic@example.com", "topic:reminders", "unsubscribed", None),
    ]


def test_an_upgrade_knows_the_names_that_opt_outs_have(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A topic that was taken out of the file before the upgrade is missed at the next opening, by name."""
    files = migrations.migration_files()
    monkeypatch.setattr(migrations, "migration_files", lambda: [file for file in files if file.stem < "0028"])
    migrations.migrate(empty)
    with empty.begin() as connection:
        for name, scope in (("ann", "topic:winter"), ("bob", "topic:winter"), ("cat", "all")):
            insert(
                connection, "event.suppression", address=f"{name}@example.com", scope=scope, reason="unsubscribed",
                source="lm_unsubscribe", suppressed_at=NOON,
            )  # fmt: skip
    monkeypatch.setattr(migrations, "migration_files", lambda: files)
    assert "0028_topic_names" in migrations.migrate(empty)
    told = r"^topics\.yaml: topic 'winter' is missing, but opt-outs \(2\), mails \(0\) and campaigns \(0\) name it: "
    with pytest.raises(CampaignError, match=told):
        agree(empty, read_topics(INCLUDE / "topics.yaml"), "topics.yaml")


def _dropped(
    connection: sa.Connection, name: str, told: list[tuple[str, int | None]], last: datetime
) -> None:
    """A customer whose mail was dropped at noon, and what was kept of it before; it was said last at `last`."""
    customer(connection, name)
    series = enrollment(connection, "cart_abandoned", name)
    mail = message(connection, series, "cart_abandoned", name)
    common = {"address": f"{name}@example.com", "batch_id": 1}
    insert(
        connection, "event.engagement", enrollment_id=series, step="reminder", message_id=mail,
        campaign="cart_abandoned", customer_id=name, first_event_at=NOON, dropped_at=NOON, batch_id=1,
    )  # fmt: skip
    insert(
        connection, "event.suppression", scope="all", reason="dropped", source="dropped", suppressed_at=NOON,
        last_suppressed_at=last, **common,
    )  # fmt: skip
    for number, (reason, group) in enumerate(told):
        raw = {"reason": reason} if group is None else {"reason": reason, "asm_group_id": group}
        insert(
            connection, "event.event", sg_event_id=f"{name}-{number}", occurred_at=NOON, event="dropped",
            message_id=mail, raw=raw, **common,
        )  # fmt: skip
