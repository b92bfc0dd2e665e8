"""The demo's world through the loader: every real and made-up row is taken, every broken one refused by name."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from demo_world import shift_for, write_reactions, write_world
from demo_world.newcomers import A_DAY
from lifecycle_mail.intake import Limits
from lifecycle_mail.sources import load_feeds
from local_stack.demo import PARTNER_REFUSED_PERCENT

TODAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BROKEN = {
    ("customers", 2, "duplicate_key"),
    ("customers", 5, "invalid_zone"),
    ("customers", 6, "birthday_out_of_range"),
    ("customers", 7, "newline_in_address"),
    ("customers", 9, "malformed_address"),
    ("customers", 11, "unparsable_time"),
    ("customers", 12, "time_without_offset"),
    ("customers", 13, "unknown_permission"),
    ("customers", 14, "missing_value"),
    ("order_lines", 3, "negative_quantity"),
    ("order_lines", 4, "negative_price"),
    ("order_lines", 5, "unparsable_number"),
    ("order_lines", 6, "missing_value"),
}


def refused(warehouse: Engine) -> list[tuple[str, int, str]]:
    query = sa.text("select feed, line, reason from source.rejected where file like '%-partner-export.csv'")
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def changed_since(warehouse: Engine, feed: str, load_id: int) -> list[str]:
    """The customers of the rows that a later load wrote."""
    names = {"customers": "customer", "orders": "orders", "lead_actions": "lead_action"}
    table = sa.table(names[feed], sa.column("customer_id"), sa.column("load_id"), schema="source")
    with warehouse.connect() as connection:
        query = sa.select(table.c.customer_id).where(table.c.load_id > load_id)
        return list(connection.execute(query).scalars())


def newcomers_of(folder: Path) -> set[str]:
    with (folder / "customers-newcomers.csv").open(encoding="utf-8", newline="") as stream:
        return {row["customer_id"] for row in csv.DictReader(stream)}


def test_only_the_rows_broken_on_purpose_are_refused(warehouse: Engine, tmp_path: Path) -> None:
    """A small world loads whole; the next day's world changes no order and refuses nothing new."""
    shift_days = shift_for(TODAY)
    written = write_world(tmp_path, today=TODAY, shift_days=shift_days, households=20)
    first = load_feeds(warehouse, tmp_path, link_secret="test", now=NOON)
    assert sum(counts.read for counts in first.feeds.values()) == sum(file.rows for file in written)
    aside = sum(counts.rejected + counts.unread_values for counts in first.feeds.values())
    assert aside == len(BROKEN)
    assert sum(counts.unread_values for counts in first.feeds.values()) == 3  # of rows that are loaded without them
    assert set(refused(warehouse)) == BROKEN
    assert len(first.alarms(Limits())) == 2  # the partner's files
    assert first.alarms(Limits(refused_percent=PARTNER_REFUSED_PERCENT)) == []
    write_world(tmp_path, today=TODAY + timedelta(days=1), shift_days=shift_days, households=20)
    second = load_feeds(warehouse, tmp_path, link_secret="test", now=NOON + timedelta(days=1))
    for feed in ("products", "reviews", "offers", "contracts", "referrals"):
        assert second.feeds[feed].changed == 0
    for feed in ("customers", "orders", "lead_actions"):
        assert set(changed_since(warehouse, feed, first.load_id)) <= newcomers_of(tmp_path)
    assert second.feeds["customers"].changed == A_DAY
    assert len(refused(warehouse)) == len(BROKEN)


def test_a_bought_cart_stays_ordered_however_often_the_folder_is_loaded(warehouse: Engine, tmp_path: Path) -> None:
    """Reactions lie in the world's own folder, and a load of both leaves no bought cart open."""
    write_world(tmp_path, today=TODAY, shift_days=shift_for(TODAY), households=60)
    load_feeds(warehouse, tmp_path, link_secret="test", now=NOON)
    with warehouse.connect() as connection:
        owners = connection.execute(sa.text("select customer_id from source.cart where status = 'open'"))
        clickers = [(owner, NOON - timedelta(minutes=30)) for owner in owners.scalars()]
    written = write_reactions(tmp_path, clickers, [], NOON)
    assert written.orders_by_clickers > 0
    for _ in range(2):
        report = load_feeds(warehouse, tmp_path, link_secret="test", now=NOON)
        assert report.feeds["orders"].rejected == 0
        with warehouse.connect() as connection:
            query = "select count(*) from source.cart join source.orders using (cart_id) where cart.status = 'ordered'"
            sold = connection.execute(sa.text(f"{query} and orders.order_id like 'R-%'")).scalar_one()
        assert sold == written.orders_by_clickers
