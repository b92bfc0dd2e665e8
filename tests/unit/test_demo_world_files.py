"""The demo's world keeps the feed contract, is a function of its arguments, holds what the demo shows."""

from __future__ import annotations

import ast
import csv
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow.parquet as pq
import pytest

import demo_world
from demo_world import shift_for, write_world
from demo_world.__main__ import main

TODAY = date(2026, 11, 21)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
SHIFT = shift_for(TODAY)

# DESIGN's feed files, word for word: required columns, optional columns, key.
CONTRACT: dict[str, tuple[set[str], set[str], tuple[str, ...]]] = {
    "customers": (
        {"customer_id", "email", "created_at"},
        {"first_name", "last_name", "locale", "timezone", "country", "currency", "birthday", "signup_source",
         "permission", "permission_at"},
        ("customer_id",),
    ),
    "products": (
        {"product_id", "name"},
        {"product_type", "category", "price", "currency", "is_consumable", "units_per_pack", "daily_use",
         "delivery_days", "goods_kind", "upgrade_product_id", "url", "image_url"},
        ("product_id",),
    ),
    "orders": (
        {"order_id", "customer_id", "ordered_at", "total"},
        {"currency", "cart_id", "delivered_at", "offer_code", "status"},
        ("order_id",),
    ),
    "order_lines": (
        {"order_id", "line_no", "product_id", "quantity", "unit_price"}, set(), ("order_id", "line_no"),
    ),
    "carts": ({"cart_id", "customer_id", "created_at", "updated_at", "status"}, {"url"}, ("cart_id",)),
    "cart_lines": ({"cart_id", "product_id", "quantity", "unit_price"}, set(), ("cart_id", "product_id")),
    "page_views": (
        {"view_id", "customer_id", "viewed_at"}, {"product_id", "topic", "seconds_on_page"}, ("view_id",),
    ),
    "lead_actions": ({"action_id", "customer_id", "kind", "acted_at"}, {"subject"}, ("action_id",)),
    "reviews": (
        {"review_id", "customer_id", "product_id", "rating", "reviewed_at"}, {"order_id"}, ("review_id",),
    ),
    "offers": (
        {"offer_code", "valid_from", "valid_until"},
        {"customer_id", "campaign", "percent", "redeemed_at"},
        ("offer_code",),
    ),
}  # fmt: skip
FILES = {
    "customers": "customers.csv",
    "products": "products.parquet",
    "orders": "orders.parquet",
    "order_lines": "order_lines.parquet",
    "carts": "carts.csv",
    "cart_lines": "cart_lines.csv",
    "page_views": "page_views.ndjson",
    "lead_actions": "lead_actions.ndjson",
    "reviews": "reviews.csv",
    "offers": "offers.csv",
}
TIMES = {
    "customers": ["created_at", "permission_at"],
    "orders": ["ordered_at", "delivered_at"],
    "carts": ["created_at", "updated_at"],
    "page_views": ["viewed_at"],
    "lead_actions": ["acted_at"],
    "reviews": ["reviewed_at"],
    "offers": ["valid_from", "redeemed_at"],
}
AMOUNTS = {
    "products": ["price", "units_per_pack", "daily_use", "delivery_days"],
    "orders": ["total"],
    "order_lines": ["quantity", "unit_price", "line_no"],
    "cart_lines": ["quantity", "unit_price"],
    "page_views": ["seconds_on_page"],
    "reviews": ["rating"],
    "offers": ["percent"],
}


def rows(folder: Path, feed: str) -> list[dict[str, object]]:
    """The rows of one feed, empty values left out."""
    path = folder / FILES[feed]
    if path.suffix == ".parquet":
        found = pq.read_table(path).to_pylist()
    elif path.suffix == ".ndjson":
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    else:
        with path.open(encoding="utf-8", newline="") as stream:
            found = list(csv.DictReader(stream))
    return [{column: value for column, value in row.items() if value not in (None, "")} for row in found]


def moment(value: object) -> datetime:
    """A time of a feed; fails the test if it has no offset."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    assert found.tzinfo is not None
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of fifty households as it stands on 21 November 2026."""
    folder = tmp_path_factory.mktemp("world")
    write_world(folder, today=TODAY, shift_days=SHIFT, households=50)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole world of 2,469 households, written once for the tests that count shares."""
    folder = tmp_path_factory.mktemp("whole")
    write_world(folder, today=TODAY, shift_days=SHIFT)
    return folder


@pytest.mark.parametrize("feed", CONTRACT)
def test_every_feed_keeps_the_contract(world: Path, feed: str) -> None:
    """Required columns are filled, no other column is written, keys are text or whole numbers and unique."""
    required, optional, key = CONTRACT[feed]
    found = rows(world, feed)
    assert found
    for row in found:
        assert required <= row.keys() <= required | optional
    assert max(Counter(tuple(row[column] for column in key) for row in found).values()) == 1
    assert all(isinstance(row[column], str) for row in found for column in key if column != "line_no")


@pytest.mark.parametrize("feed", AMOUNTS)
def test_no_amount_is_negative(world: Path, feed: str) -> None:
    """Prices, quantities and totals are zero or more."""
    values = [
        float(str(row[column])) for row in rows(world, feed) for column in AMOUNTS[feed] if column in row
    ]
    assert values
    assert min(values) >= 0


@pytest.mark.parametrize("feed", TIMES)
def test_no_fact_is_timed_in_the_future(world: Path, feed: str) -> None:
    """Every time carries an offset, and nothing happened at or after midnight UTC of the day of the load."""
    times = [moment(row[column]) for row in rows(world, feed) for column in TIMES[feed] if column in row]
    assert max(times) < MIDNIGHT


def test_facts_belong_to_customers_and_lines_to_orders(world: Path) -> None:
    """No feed names a customer, order or cart that does not exist, and no customer ordered before sign-up."""
    people = {row["customer_id"]: moment(row["created_at"]) for row in rows(world, "customers")}
    for feed in ("orders", "carts", "page_views", "lead_actions", "reviews"):
        assert {row["customer_id"] for row in rows(world, feed)} <= people.keys()
    orders = rows(world, "orders")
    assert {row["order_id"] for row in orders} == {row["order_id"] for row in rows(world, "order_lines")}
    assert all(people[row["customer_id"]] < moment(row["ordered_at"]) for row in orders)
    carts = {row["cart_id"]: row["status"] for row in rows(world, "carts")}
    assert {row["cart_id"] for row in orders if "cart_id" in row} == {
        cart for cart, status in carts.items() if status == "ordered"
    }
    assert {row["cart_id"] for row in rows(world, "cart_lines")} == {
        cart for cart, status in carts.items() if status != "emptied"
    }


def test_open_carts_are_abandoned_at_any_hour_of_the_day(whole: Path) -> None:
    """An open cart has lines, is idle for 1 to 72 hours all day long, and its owner bought nothing since."""
    newest: dict[object, datetime] = {}
    for row in rows(whole, "orders"):
        customer = row["customer_id"]
        newest[customer] = max(moment(row["ordered_at"]), newest.get(customer, moment(row["ordered_at"])))
    lines = Counter(row["cart_id"] for row in rows(whole, "cart_lines"))
    carts = [row for row in rows(whole, "carts") if row["status"] == "open"]
    assert 0.10 <= len(carts) / 2469 <= 0.14
    for row in carts:
        updated_at = moment(row["updated_at"])
        assert updated_at + timedelta(hours=1) <= MIDNIGHT
        assert MIDNIGHT + timedelta(days=1) <= updated_at + timedelta(hours=72)
        assert newest[row["customer_id"]] < updated_at
    assert sum(lines[row["cart_id"]] > 10 for row in carts) >= 5
    assert min(lines[row["cart_id"]] for row in carts) >= 1


def test_the_whole_source_is_there_but_for_the_carts_held_back(whole: Path) -> None:
    """Every household and product is a customer or product, every basket an order or an open cart."""
    open_carts = sum(row["status"] == "open" for row in rows(whole, "carts"))
    assert len(rows(whole, "customers")) == 2_469
    assert pq.read_metadata(whole / "products.parquet").num_rows == 92_331
    assert pq.read_metadata(whole / "orders.parquet").num_rows == 155_848 - open_carts
    held_back_lines = 1_469_307 - pq.read_metadata(whole / "order_lines.parquet").num_rows
    assert open_carts <= held_back_lines <= 30 * open_carts


def test_real_lapses_stay_real(whole: Path) -> None:
    """Made-up visits leave the lapsed customers lapsed: about 6 % did nothing for 90 days, as in the source."""
    newest: dict[object, datetime] = {}
    for feed, column in (("orders", "ordered_at"), ("page_views", "viewed_at")):
        for row in rows(whole, feed):
            at = moment(row[column])
            newest[row["customer_id"]] = max(at, newest.get(row["customer_id"], at))
    lapsed = sum(at <= MIDNIGHT - timedelta(days=90) for at in newest.values())
    assert 140 <= lapsed <= 150


def test_made_up_people_have_the_promised_shares(whole: Path) -> None:
    """Permission, missing birthdays, 29 February, languages and plain unique addresses."""
    people = pd.DataFrame(rows(whole, "customers"))
    shares = people["permission"].value_counts(normalize=True)
    for permission, share in {"confirmed": 0.82, "none": 0.08, "pending": 0.05, "withdrawn": 0.05}.items():
        assert shares[permission] == pytest.approx(share, abs=0.02)
    assert 0.04 <= people["birthday"].isna().mean() <= 0.06
    assert people["birthday"].str.endswith("-02-29").sum() >= 3
    assert people["birthday"].str[5:7].value_counts(normalize=True).min() > 0.05
    assert {text.split("-")[0] for text in people["locale"]} == {"en", "th", "fa", "he", "zh"}
    assert people["email"].is_unique
    assert people["email"].str.fullmatch(r"[a-z]+\.[a-z]+\.\d+(\+shop)?@example\.com").all()
    assert {"Zoë", "D'Andre"} <= set(people["first_name"])
    assert {"O'Brien", "Nguyễn"} <= set(people["last_name"])
    consent = people["permission_at"].notna()
    assert (consent == (people["permission"] != "none")).all()


def test_somewhere_a_send_window_is_always_open(whole: Path) -> None:
    """At every hour of a day at least a quarter of the customers has local time between 08:00 and 21:00."""
    zones = Counter(str(row["timezone"]) for row in rows(whole, "customers") if "timezone" in row)
    for hour in range(24):
        now = MIDNIGHT + timedelta(hours=hour)
        awake = sum(count for zone, count in zones.items() if 8 <= now.astimezone(ZoneInfo(zone)).hour < 21)
        assert awake / zones.total() >= 0.25


def test_the_same_arguments_write_the_same_bytes(world: Path, tmp_path: Path) -> None:
    """A second world of the same seed, shift and day is equal file by file; another seed is not."""
    write_world(tmp_path / "again", today=TODAY, shift_days=SHIFT, households=50)
    write_world(tmp_path / "other", today=TODAY, shift_days=SHIFT, households=50, seed=8)
    names = sorted(path.name for path in world.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again").iterdir())
    assert all((world / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in names)
    assert (world / "customers.csv").read_bytes() != (tmp_path / "other" / "customers.csv").read_bytes()


def test_a_person_is_the_same_in_a_smaller_world(world: Path, tmp_path: Path) -> None:
    """What is made up about a household depends on its key, not on who else is there."""
    write_world(tmp_path, today=TODAY, shift_days=SHIFT, households=20)
    fewer = rows(tmp_path, "customers")
    assert len(fewer) == 20
    assert all(row in rows(world, "customers") for row in fewer)


def test_a_later_day_keeps_the_history_and_brings_new_carts_and_visits(world: Path, tmp_path: Path) -> None:
    """With the stored shift, the next day's world has the same orders and new carts under new keys."""
    write_world(tmp_path, today=TODAY + timedelta(days=1), shift_days=SHIFT, households=50)
    for feed in ("customers", "products", "orders", "order_lines", "reviews"):
        assert (tmp_path / FILES[feed]).read_bytes() == (world / FILES[feed]).read_bytes()
    before, after = (
        {row["cart_id"]: row for row in rows(folder, "carts") if row["status"] == "open"}
        for folder in (world, tmp_path)
    )
    assert after.keys() - before.keys()
    assert all(before[key] == after[key] for key in before.keys() & after.keys())
    seen, then = ({row["view_id"]: row for row in rows(folder, "page_views")} for folder in (world, tmp_path))
    assert then.keys() - seen.keys()
    assert all(seen[key] == then[key] for key in seen.keys() & then.keys())


def test_the_command_line_names_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line per file on stderr, the sum with the shift on stdout, exit status 0."""
    status = main(["write", str(tmp_path), "--today", "2026-11-21", "--households", "5"])
    printed = capsys.readouterr()
    assert status == 0
    assert {line.split()[0] for line in printed.err.splitlines()} == {
        path.name for path in tmp_path.iterdir()
    }
    assert "moved by 3245 days" in printed.out


def test_a_folder_that_cannot_be_written_is_one_readable_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file where the folder should be: exit status 1 and no traceback."""
    (tmp_path / "taken").write_text("")
    assert main(["write", str(tmp_path / "taken"), "--households", "5"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_demo_shop_knows_nothing_of_the_library() -> None:
    """The world comes through the same door as any shop's files: no import of lifecycle_mail."""
    imported = set()
    for path in Path(demo_world.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
    assert not imported & {"lifecycle_mail", "event_collector", "sendgrid_simulator", "airflow"}
