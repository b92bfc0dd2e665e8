"""Migrations on a database that already has rows: what a version before this one wrote is carried over."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from builders import NOON, insert, rows
from lifecycle_mail import migrations
from lifecycle_mail.database import engine


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
