"""The activity row, kept from what changed, always equals a recompute from all facts."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.database import run
from lifecycle_mail.sources import load_feeds, rebuild_activity, record_engagement

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
COLUMNS = (
    "customer_id, first_order_at, last_order_at, order_count, last_view_at, last_open_at, last_click_at"
)
PUT_ENGAGEMENT = sa.text(
    """insert into event.engagement
       (enrollment_id, step, message_id, campaign, customer_id, first_open_at, last_open_at,
        first_click_at, last_click_at, first_machine_open_at, first_event_at, batch_id)
       values (:n, 's', gen_random_uuid(), 'c', :customer, :opened, :opened, :clicked, :clicked, :machine, :machine,
        :batch)
       on conflict (enrollment_id, step) do update set
       first_open_at = least(engagement.first_open_at, excluded.first_open_at),
       first_click_at = least(engagement.first_click_at, excluded.first_click_at),
       last_open_at = greatest(engagement.last_open_at, excluded.last_open_at),
       last_click_at = greatest(engagement.last_click_at, excluded.last_click_at), batch_id = excluded.batch_id"""
)


def kept(warehouse: Engine) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [
            tuple(row)
            for row in connection.execute(sa.text(f"select {COLUMNS} from source.customer_activity order by 1"))  # noqa: S608
        ]


def recomputed(warehouse: Engine) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return sorted((tuple(row) for row in run(connection, "sources/activity_full")), key=lambda row: str(row[0]))


def some_time(chance: random.Random) -> str:
    return (START + dt.timedelta(minutes=chance.randrange(100_000))).isoformat()


def write_orders(path: Path, chance: random.Random) -> None:
    """Orders of a small world: the same keys again and again, moving between customers and states."""
    lines = ["order_id,customer_id,ordered_at,total,status"]
    for _ in range(chance.randrange(1, 25)):
        status = chance.choice(["placed", "placed", "cancelled", "refunded", ""])
        lines.append(f"o{chance.randrange(30)},c{chance.randrange(8)},{some_time(chance)},1,{status}")
    path.write_text("\n".join(lines))


def write_views(path: Path, chance: random.Random) -> None:
    lines = ["view_id,customer_id,viewed_at"]
    lines += [
        f"v{chance.randrange(20)},c{chance.randrange(8)},{some_time(chance)}" for _ in range(chance.randrange(1, 15))
    ]
    path.write_text("\n".join(lines))


def engage(warehouse: Engine, batch: int, chance: random.Random) -> None:
    """One ingest: opens and clicks of some messages, some by machines only."""
    with warehouse.begin() as connection:
        for _ in range(chance.randrange(1, 6)):
            number = chance.randrange(12)
            connection.execute(PUT_ENGAGEMENT, {
                "n": number, "customer": f"c{number % 8}", "batch": batch, "machine": some_time(chance),
                "opened": chance.choice([None, some_time(chance)]),
                "clicked": chance.choice([None, some_time(chance)]),
            })
        record_engagement(connection, batch)


@pytest.mark.parametrize("seed", range(3))
def test_kept_row_equals_recompute_after_any_changes(warehouse: Engine, tmp_path: Path, seed: int) -> None:
    """After each of many random deltas (new, cancelled, moved, repeated orders; views; opens) both are equal."""
    chance = random.Random(seed)
    for number in range(12):
        for old in tmp_path.glob("*"):
            if chance.random() < 0.5:  # else it is loaded again, after the newer file or before it
                old.unlink()
        write_orders(tmp_path / f"orders-{chance.randrange(100):02}.csv", chance)
        write_views(tmp_path / f"page_views-{chance.randrange(100):02}.csv", chance)
        load_feeds(warehouse, tmp_path, link_secret="secret")
        engage(warehouse, number, chance)
        assert kept(warehouse) == recomputed(warehouse)
    assert kept(warehouse)


def test_order_that_is_cancelled_or_moves(warehouse: Engine, tmp_path: Path) -> None:
    """A cancelled order leaves the row, a moved one changes both customers', and an empty row goes."""
    def load(*lines: str) -> dict[object, object]:
        (tmp_path / "orders.csv").write_text("\n".join(["order_id,customer_id,ordered_at,total,status", *lines]))
        load_feeds(warehouse, tmp_path, link_secret="secret")
        return {row[0]: row[3] for row in kept(warehouse)}

    time = "2026-01-01T00:00:00Z"
    assert load(f"o1,c1,{time},1,", f"o2,c1,{time},1,") == {"c1": 2}
    assert load(f"o1,c2,{time},1,") == {"c1": 1, "c2": 1}
    assert load(f"o2,c1,{time},1,cancelled") == {"c2": 1}
    assert load(f"o2,c1,{time},1,refunded") == {"c1": 1, "c2": 1}


def test_engagement_recorded_twice_is_once(warehouse: Engine) -> None:
    """A second call for the same ingest changes nothing, and machine opens alone make no row."""
    with warehouse.begin() as connection:
        connection.execute(PUT_ENGAGEMENT, {
            "n": 1, "customer": "c1", "batch": 1, "machine": START, "opened": START, "clicked": None,
        })
        connection.execute(PUT_ENGAGEMENT, {
            "n": 2, "customer": "c2", "batch": 1, "machine": START, "opened": None, "clicked": None,
        })
        assert record_engagement(connection, 1) == 1
        assert record_engagement(connection, 1) == 0
    assert kept(warehouse) == [("c1", None, None, 0, None, START, None)]


def test_only_touched_customers_are_written(warehouse: Engine, tmp_path: Path) -> None:
    """A delta of one order rewrites one activity row, and an unchanged file none."""
    path = tmp_path / "orders.csv"
    lines = ["order_id,customer_id,ordered_at,total"]
    lines += [f"o{number},c{number},2026-01-01T00:00:00Z,1" for number in range(50)]
    path.write_text("\n".join(lines))

    def written_by_load() -> set[object]:
        query = sa.text("select customer_id, xmin::text from source.customer_activity")
        with warehouse.connect() as connection:
            before = set(connection.execute(query).all())
        load_feeds(warehouse, tmp_path, link_secret="secret")
        with warehouse.connect() as connection:
            return {row.customer_id for row in set(connection.execute(query).all()) - before}

    assert len(written_by_load()) == 50
    assert written_by_load() == set()
    path.write_text("\n".join([*lines, "o50,c7,2026-01-02T00:00:00Z,1"]))
    assert written_by_load() == {"c7"}


def test_rebuild_repairs_and_counts(warehouse: Engine, tmp_path: Path) -> None:
    """A rebuild corrects wrong, missing and unfounded rows, says how many, and finds none the second time."""
    lines = [f"o{number},c{number},2026-01-01T00:00:00Z,1" for number in range(4)]
    (tmp_path / "orders.csv").write_text("\n".join(["order_id,customer_id,ordered_at,total", *lines]))
    load_feeds(warehouse, tmp_path, link_secret="secret")
    right = kept(warehouse)
    with warehouse.begin() as connection:
        connection.execute(sa.text("update source.customer_activity set order_count = 9 where customer_id = 'c0'"))
        connection.execute(sa.text("delete from source.customer_activity where customer_id = 'c1'"))
        connection.execute(sa.text("insert into source.customer_activity (customer_id) values ('c9')"))
    assert (rebuild_activity(warehouse), kept(warehouse)) == (3, right)
    assert rebuild_activity(warehouse) == 0
