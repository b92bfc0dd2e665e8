"""What customers have at home, kept from what changed, always equals a recompute from all facts."""

from __future__ import annotations

import csv
import datetime as dt
import random
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import customer, insert, order
from lifecycle_mail import segments
from lifecycle_mail.sources import erase_customer, load_feeds, rebuild_supplies, settle_supplies, supply

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
Rows = set[tuple[Any, ...]]


def rows(warehouse: Engine, query: str) -> Rows:
    with warehouse.connect() as connection:
        return {tuple(row) for row in connection.execute(sa.text(query))}


def kept(warehouse: Engine) -> Rows:
    return rows(warehouse, "select * from source.supply")


def recomputed(warehouse: Engine) -> Rows:
    return rows(warehouse, "select * from source.supply_at('infinity')")


def noted(warehouse: Engine) -> Rows:
    return rows(warehouse, "select customer_id from source.supply_change")


def execute(warehouse: Engine, command: str) -> None:
    with warehouse.begin() as connection:
        connection.execute(sa.text(command))


def settle(warehouse: Engine) -> int:
    with warehouse.begin() as connection:
        return settle_supplies(connection)


def write(path: Path, header: str, lines: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header.split(","))
        writer.writerows(lines)


def write_feeds(folder: Path, chance: random.Random) -> None:
    """Feeds of a small shop: the same keys again and again, moving, cancelled, edited; each file may be missing."""
    products = [
        (f"p{n}", f"P{n}", chance.choice(("tea", "coffee", "")), chance.choice(("true", "true", "false")),
         chance.choice((10, 30, "")), chance.choice((0, 1, 2, "")), chance.choice((0, 2, "")))
        for n in chance.sample(range(6), chance.randrange(1, 6))
    ]  # fmt: skip
    orders = [
        (f"o{n}", f"c{chance.randrange(6)}", (START + chance.randrange(60) * DAY).isoformat(), 1,
         chance.choice(("placed", "placed", "cancelled", "refunded")))
        for n in chance.sample(range(40), chance.randrange(1, 30))
    ]  # fmt: skip
    lines = [
        (f"o{n}", chance.randrange(1, 3), f"p{chance.randrange(6)}", chance.choice((0, 1, 2)), 1)
        for n in chance.sample(range(40), chance.randrange(1, 30))
    ]
    for name, header, values in (
        ("products", "product_id,name,product_type,is_consumable,units_per_pack,daily_use,delivery_days", products),
        ("orders", "order_id,customer_id,ordered_at,total,status", orders),
        ("order_lines", "order_id,line_no,product_id,quantity,unit_price", lines),
    ):
        (folder / f"{name}.csv").unlink(missing_ok=True)
        if chance.random() < 0.7:
            write(folder / f"{name}.csv", header, values)


@pytest.mark.parametrize("seed", range(4))
def test_kept_supply_equals_recompute_after_any_loads(
    warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """After each of many random loads (new, moved, cancelled orders; edited products; files in any number) both
    are equal and no note is left, whether customers were looked up one by one or all at once."""
    chance, most = random.Random(seed), 0
    with warehouse.begin() as connection:
        for number in range(6):
            customer(connection, f"c{number}")
    for _ in range(10):
        monkeypatch.setattr(supply, "_FEW", chance.choice((0, 1_000)))
        write_feeds(tmp_path, chance)
        load_feeds(warehouse, tmp_path, link_secret="secret")
        assert kept(warehouse) == recomputed(warehouse)
        assert not noted(warehouse)
        most = max(most, len(kept(warehouse)))
    assert most > 5


@pytest.mark.parametrize("seed", range(3))
def test_due_is_the_same_settled_or_not_at_any_instant(warehouse: Engine, tmp_path: Path, seed: int) -> None:
    """Members at instants before, at and after the newest purchase are the same from kept supplies as from facts."""
    chance = random.Random(seed)
    with warehouse.begin() as connection:
        for number in range(6):
            customer(connection, f"c{number}")
    for _ in range(9):
        write_feeds(tmp_path, chance)
        load_feeds(warehouse, tmp_path, link_secret="secret")
    asked = [START + step * 3 * DAY for step in range(30)]

    def found() -> list[list[segments.Member]]:
        wide = {"lateness_days": 30}
        return [list(segments.members(warehouse, "replenishment_due", at, wide)) for at in asked]

    settled = found()
    execute(warehouse, "insert into source.supply_change select distinct customer_id from source.orders")
    assert found() == settled
    execute(warehouse, "truncate source.supply")
    assert found() == settled
    assert sum(map(len, settled)) > 10


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """Two customers who bought thirty days of tea and a mug, settled."""
    with warehouse.begin() as connection:
        for key in ("A", "B"):
            customer(connection, key)
    with warehouse.begin() as connection:
        for product, use in (("tea", True), ("mug", False)):
            insert(
                connection, "source.product", product_id=product, name=product, product_type=product,
                is_consumable=use, units_per_pack=30, daily_use=1, load_id=1,
            )  # fmt: skip
        for key in ("A", "B"):
            order(connection, f"o{key}", key, NOON - 30 * DAY)
            for place, product in enumerate(("tea", "mug"), start=1):
                insert(
                    connection, "source.order_line", order_id=f"o{key}", line_no=place, product_id=product,
                    quantity=1, unit_price=1, load_id=1,
                )  # fmt: skip
    assert settle(warehouse) == 2
    return warehouse


@pytest.mark.parametrize(
    ("command", "who"),
    [
        ("update source.product set daily_use = 2 where product_id = 'tea'", "AB"),
        ("update source.product set is_consumable = false where product_id = 'tea'", "AB"),
        ("update source.product set is_consumable = true where product_id = 'mug'", "AB"),
        ("update source.product set delivery_days = 4 where product_id = 'tea'", "AB"),
        ("update source.product set name = 'Green tea' where product_id = 'tea'", ""),
        ("update source.product set daily_use = 2 where product_id = 'mug'", ""),
        ("update source.orders set status = 'cancelled' where order_id = 'oA'", "A"),
        ("update source.orders set customer_id = 'B' where order_id = 'oA'", "AB"),
        ("update source.orders set ordered_at = ordered_at - interval '1 hour' where order_id = 'oA'", "A"),
        ("update source.orders set delivered_at = ordered_at where order_id = 'oA'", ""),
        ("delete from source.orders where order_id = 'oB'", "B"),
        ("update source.order_line set quantity = 3 where order_id = 'oA' and line_no = 1", "A"),
        ("update source.order_line set quantity = 3 where order_id = 'oA' and line_no = 2", ""),
        ("update source.order_line set product_id = 'mug' where order_id = 'oA'", "A"),
        ("update source.order_line set unit_price = 3", ""),
        ("delete from source.order_line where order_id = 'oA'", "A"),
        ("delete from source.product where product_id = 'tea'", "AB"),
        ("insert into source.orders select 'new', customer_id, ordered_at, 1, null, null, null, null, 'placed', 1"
         " from source.orders where customer_id = 'A'", ""),
        ("insert into source.order_line values ('oB', 3, 'tea', 1, 1, 1)", "B"),
    ],
)  # fmt: skip
def test_a_change_notes_whom_it_concerns(shop: Engine, command: str, who: str) -> None:
    """Any writer's change of a purchase notes exactly its customers; settled, supplies are a recompute again."""
    execute(shop, command)
    assert noted(shop) == {(key,) for key in who}
    settle(shop)
    assert kept(shop) == recomputed(shop)
    assert not noted(shop)


def test_a_note_committed_meanwhile_stays(shop: Engine) -> None:
    """A change that is committed while another session settles keeps its note, and is settled next."""
    execute(shop, "update source.order_line set quantity = 2 where order_id = 'oA' and line_no = 1")
    with shop.connect() as other, other.begin():
        other.execute(sa.text("update source.order_line set quantity = 3 where order_id = 'oA' and line_no = 1"))
        settle(shop)
    assert noted(shop) == {("A",)}
    settle(shop)
    assert kept(shop) == recomputed(shop)


def test_a_killed_load_leaves_readers_right(shop: Engine) -> None:
    """If a load ended before it settled, members come from the facts of the noted customers."""
    execute(shop, "update source.product set units_per_pack = 300 where product_id = 'tea'")
    assert list(segments.members(shop, "replenishment_due", NOON)) == []
    assert len(kept(shop)) == 2
    settle(shop)
    assert list(segments.members(shop, "replenishment_due", NOON)) == []


def test_an_erased_customer_is_due_no_more(shop: Engine) -> None:
    """Erasure takes the customer out of the segment. The supply names no one and stays."""
    assert [one.customer_id for one in segments.members(shop, "replenishment_due", NOON)] == ["A", "B"]
    with shop.begin() as connection:
        erase_customer(connection, "A", "secret", NOON)
    assert [one.customer_id for one in segments.members(shop, "replenishment_due", NOON)] == ["B"]
    assert kept(shop) == recomputed(shop)


def test_a_row_is_written_only_where_it_changes(shop: Engine) -> None:
    """Settling a customer whose supply comes out the same writes nothing; a second settle has nothing to do."""
    execute(shop, "update source.order_line set line_no = 9 where order_id = 'oA' and product_id = 'mug'")
    execute(shop, "insert into source.supply_change values ('A'), ('nobody')")
    assert (settle(shop), settle(shop)) == (0, 0)


def test_rebuild_repairs_and_counts(shop: Engine) -> None:
    """A rebuild corrects wrong, missing and unfounded rows, says how many, and finds none the second time."""
    right = kept(shop)
    execute(shop, "update source.supply set quantity = 9 where customer_id = 'A'")
    execute(shop, "delete from source.supply where customer_id = 'B'")
    values = "('nobody', 'declared', 'tea', 'x', 1, now(), 1, now(), now(), now())"
    execute(shop, f"insert into source.supply values {values}")  # noqa: S608
    assert (rebuild_supplies(shop), kept(shop)) == (3, right)
    assert rebuild_supplies(shop) == 0
