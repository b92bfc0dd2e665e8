"""Rows that name what no feed has brought yet: kept, told, and joined when it comes. And lines that are there twice."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail import segments
from lifecycle_mail.sources import load_feeds
from lifecycle_mail.sources.feeds import feeds
from lifecycle_mail.sources.references import Waiting, homes

NOON = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
PEOPLE = {
    "customers": "customer_id,email,created_at,currency\nann,ann@example.com,2026-01-01T00:00:00Z,EUR\n",
    "products": (
        "product_id,name,is_consumable,units_per_pack,daily_use,currency\n"
        "p1,Tea,false,,,EUR\np2,Vitamins,true,100,1,EUR\n"
    ),
}
FACTS = {
    "orders": (
        "order_id,customer_id,ordered_at,total\n"
        "o1,ann,2026-03-25T12:00:00Z,5\no2,ann,2026-01-01T12:00:00Z,5\n"
    ),
    "order_lines": "order_id,line_no,product_id,quantity,unit_price\no1,1,p2,1,5\no2,1,p1,1,5\n",
    "carts": "cart_id,customer_id,created_at,updated_at,status\n"
    "k1,ann,2026-06-30T10:00:00Z,2026-06-30T10:30:00Z,open\n",
    "cart_lines": "cart_id,product_id,quantity,unit_price\nk1,p1,2,3\n",
    "page_views": "view_id,customer_id,viewed_at,product_id\nv1,ann,2026-06-29T12:00:00Z,p1\n",
    "reviews": "review_id,customer_id,product_id,rating,reviewed_at\nr1,ann,p1,5,2026-06-29T12:00:00Z\n",
}
TABLES = (
    "customer", "product", "orders", "order_line", "cart", "cart_line", "page_view", "review", "customer_activity",
    "supply", "supply_change", "unmatched_reference",
)  # fmt: skip


def load(warehouse: Engine, folder: Path, files: dict[str, str]) -> tuple[Waiting, ...]:
    """Load these files in a load of their own; return which of their rows wait."""
    folder.mkdir()
    for feed, text in files.items():
        (folder / f"{feed}.csv").write_text(text)
    return load_feeds(warehouse, folder, link_secret="secret", now=NOON).waiting


def world(warehouse: Engine) -> dict[str, list[str]]:
    """Return every row of the feeds' tables and of what is kept from them, without the numbers of loads."""
    with warehouse.connect() as connection:
        return {
            table: sorted(
                connection.execute(
                    sa.text(f"select (to_jsonb(t) - 'load_id' - 'first_load_id')::text from source.{table} t")  # noqa: S608
                ).scalars()
            )
            for table in TABLES
        }


def members(warehouse: Engine) -> set[tuple[str, str]]:
    return {
        (name, member.occurrence)
        for name, at in (("cart_abandoned", NOON), ("replenishment_due", NOON), ("inactive", NOON))
        for member in segments.members(warehouse, name, at)
    }


def test_what_comes_before_what_it_names_is_told_and_joined(warehouse: Engine, tmp_path: Path) -> None:
    """Rows of unknown customers, products, orders and carts are told by feed, and count once those come.

    A load that brings them with what they name tells nothing.
    """
    lines = {feed: FACTS[feed] for feed in ("order_lines", "cart_lines")}
    assert load(warehouse, tmp_path / "lines", lines) == (
        Waiting("cart_lines", "carts", 1, 1), Waiting("cart_lines", "products", 1, 1),
        Waiting("order_lines", "orders", 2, 2), Waiting("order_lines", "products", 2, 2),
    )  # fmt: skip
    facts = {feed: FACTS[feed] for feed in ("orders", "carts", "page_views", "reviews")}
    assert load(warehouse, tmp_path / "facts", facts) == (
        Waiting("carts", "customers", 1, 1), Waiting("orders", "customers", 2, 1),
        Waiting("page_views", "customers", 1, 1), Waiting("reviews", "customers", 1, 1),
        Waiting("reviews", "products", 1, 1),
    )  # fmt: skip
    assert members(warehouse) == set()
    with warehouse.connect() as connection:
        named = connection.execute(sa.text("select feed, refers_to, key, rows from source.unmatched_reference"))
        assert set(map(tuple, named)) == {
            ("cart_lines", "products", "p1", 1), ("order_lines", "products", "p1", 1),
            ("order_lines", "products", "p2", 1), ("carts", "customers", "ann", 1),
            ("orders", "customers", "ann", 2), ("page_views", "customers", "ann", 1),
            ("reviews", "customers", "ann", 1), ("reviews", "products", "p1", 1),
        }  # fmt: skip
        kept = connection.execute(sa.text("select counts -> 'carts' ->> 'without_customers' from source.load"))
        assert kept.scalars().all() == [None, "1"]
    assert load(warehouse, tmp_path / "people", PEOPLE) == ()
    assert members(warehouse) == {
        ("cart_abandoned", "k1@2026-06-30T10:30:00Z"), ("replenishment_due", "o1/1"),
    }  # fmt: skip


def test_the_order_of_loads_changes_nothing(warehouse: Engine, tmp_path: Path) -> None:
    """The same files give the same tables, whichever of them a shop loads first."""
    feeds = [*PEOPLE, *FACTS]
    texts = {**PEOPLE, **FACTS}
    seen = []
    for number, order in enumerate((feeds, feeds[::-1])):
        for feed in order:
            load(warehouse, tmp_path / f"{number}-{feed}", {feed: texts[feed]})
        seen.append((world(warehouse), members(warehouse)))
        with warehouse.begin() as connection:
            connection.execute(sa.text("truncate source.supply_change"))
            for table in TABLES[:-2]:
                connection.execute(sa.text(f"delete from source.{table}"))  # noqa: S608
            connection.execute(sa.text("truncate source.supply_change"))
    assert all(one == other for one, other in pairwise(seen))
    assert [len(seen[0][0][table]) for table in TABLES] == [1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 0, 0]


def test_a_shop_without_carts_is_told_nothing_of_them(warehouse: Engine, tmp_path: Path) -> None:
    """A value that may be missing is told only if its feed has brought anything."""
    orders = "order_id,customer_id,ordered_at,total,cart_id\no1,ann,2026-06-29T12:00:00Z,5,k9\n"
    assert load(warehouse, tmp_path / "first", {**PEOPLE, "orders": orders}) == ()
    found = load(warehouse, tmp_path / "second", {"carts": FACTS["carts"], "orders": orders.replace("k9", "k8")})
    assert found == ()  # the orders of a load come before its carts
    assert load(warehouse, tmp_path / "third", {"orders": orders}) == (Waiting("orders", "carts", 1, 1),)


LINES = "cart_id,product_id,quantity,unit_price"


@pytest.mark.parametrize("again", [False, True])
def test_one_product_on_several_lines_of_a_cart(warehouse: Engine, tmp_path: Path, again: bool) -> None:
    """Rows of one product without a number are lines of their own, each with its price; loaded again they are the same.

    Numbers of the file are kept: of two rows with the same number the later one wins.
    """
    text = (
        f"{LINES},line_no,currency\n"
        "k1,p1,1,2,,\nk1,p1,1,6,,EUR\nk1,p2,1,1,,\n"
        "k2,p1,1,1,7,\nk2,p1,1,2,,\nk2,p1,1,3,,\n"
        "k3,p1,1,1,1,\nk3,p1,1,9,2,\nk3,p1,5,1,1,\n"
    )
    for number in range(1 + again):
        load(warehouse, tmp_path / str(number), {"cart_lines": text})
    query = "select cart_id, product_id, line_no, quantity, unit_price, currency from source.cart_line"
    with warehouse.connect() as connection:
        assert {tuple(row) for row in connection.execute(sa.text(query))} == {
            ("k1", "p1", 0, 1, 2, None), ("k1", "p1", 1, 1, 6, "EUR"), ("k1", "p2", 0, 1, 1, None),
            ("k2", "p1", 7, 1, 1, None), ("k2", "p1", 0, 1, 2, None), ("k2", "p1", 8, 1, 3, None),
            ("k3", "p1", 1, 5, 1, None), ("k3", "p1", 2, 1, 9, None),
        }  # fmt: skip
        aside = connection.execute(sa.text("select line, reason from source.rejected")).all()
    assert [tuple(row) for row in aside] == [(8, "duplicate_key")]


def test_a_cart_loses_its_second_line(warehouse: Engine, tmp_path: Path) -> None:
    """The lines that a file has of a cart replace all its lines, also those with other numbers."""
    load(warehouse, tmp_path / "two", {"cart_lines": f"{LINES}\nk1,p1,1,2\nk1,p1,1,6\n"})
    load(warehouse, tmp_path / "one", {"cart_lines": f"{LINES}\nk1,p1,3,6\n"})
    with warehouse.connect() as connection:
        found = connection.execute(sa.text("select line_no, quantity, unit_price from source.cart_line")).all()
    assert [tuple(row) for row in found] == [(0, 3, 6)]


def test_an_order_may_name_an_offer_that_no_feed_has_brought(warehouse: Engine, tmp_path: Path) -> None:
    """The report counts it once the shop loads offers, and the view has the code."""
    orders = "order_id,customer_id,ordered_at,total,offer_code\no1,ann,2026-03-25T12:00:00Z,5,SPRING\n"
    offers = "offer_code,percent,valid_from,valid_until\nSUMMER,5,2026-01-01T00:00:00Z,2026-12-31T00:00:00Z\n"
    assert load(warehouse, tmp_path / "a", {**PEOPLE, "orders": orders}) == ()
    load(warehouse, tmp_path / "b", {"offers": offers})
    told = load(warehouse, tmp_path / "c", {"orders": orders})
    assert told == (Waiting("orders", "offers", 1, 1),)
    with warehouse.connect() as connection:
        named = connection.execute(sa.text("select feed, refers_to, key, rows from source.unmatched_reference"))
        assert [tuple(row) for row in named] == [("orders", "offers", "SPRING", 1)]


def test_the_view_reads_each_column_that_refers_to_another_feed(warehouse: Engine) -> None:
    """A feed that is added has its rows without what they name in the view too."""
    query = sa.text(
        "select table_name, column_name from information_schema.view_column_usage"
        " where view_schema = 'source' and view_name = 'unmatched_reference'"
    )
    with warehouse.connect() as connection:
        read = {tuple(row) for row in connection.execute(query)}
    pairs = [(feed, home) for feed in feeds().values() for home in homes(feed, feeds())]
    columns = {(table, home.key[0]) for feed, home in pairs for table in (feed.table, home.table)}
    assert ("cart_line", "cart_id") in columns
    assert columns - read == set(), "add these to include/sql/sources/schema/views/unmatched_reference.sql"
