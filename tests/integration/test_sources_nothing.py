"""A value that says nothing changes nothing, and takes neither its row nor its file with it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import builders
from lifecycle_mail.intake import Limits
from lifecycle_mail.kpis.timeline import mailbox_timeline, timeline
from lifecycle_mail.sources import LoadReport, load_feeds, silence, silent_feeds
from lifecycle_mail.sources.feeds import feeds

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
CREATED = "2026-01-01T00:00:00Z"
DEFAULT = Limits()
NBSP, ZERO_WIDTH = "\u00a0", "\u200b"


def load(warehouse: Engine, folder: Path, name: str, content: str | bytes) -> LoadReport:
    for old in folder.iterdir():
        if old.is_file():
            old.unlink()
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_feeds(warehouse, folder, link_secret="secret", now=NOW)


def rows(warehouse: Engine, query: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


ORDERS = "order_id,customer_id,ordered_at,total,currency,status\n"


def test_text_is_trimmed_in_every_form_of_feed(warehouse: Engine, tmp_path: Path) -> None:
    """Ids with blanks, seen or not, are the ids without, in CSV, NDJSON, Parquet and SQL alike: one order."""
    row = {"order_id": f" o{ZERO_WIDTH}", "customer_id": f"w4{NBSP} ", "ordered_at": f"{CREATED} ", "currency": " "}
    told = ",".join([*row.values()][:3])
    folder, selects = tmp_path / "feeds", tmp_path / "sql"
    folder.mkdir()
    selects.mkdir()
    seen = []
    load(warehouse, folder, "orders.csv", f"order_id,customer_id,ordered_at,total,currency\n{told}, 1 , \n")
    seen += rows(warehouse, "select order_id, customer_id, total, currency from source.orders")
    load(warehouse, folder, "orders.ndjson", orjson.dumps({**row, "total": " 2 "}))
    seen += rows(warehouse, "select order_id, customer_id, total, currency from source.orders")
    table = pa.table({name: [value] for name, value in {**row, "total": "3"}.items()})
    pq.write_table(table, folder / "orders.parquet")
    (folder / "orders.ndjson").unlink()
    load_feeds(warehouse, folder, link_secret="secret", now=NOW)
    seen += rows(warehouse, "select order_id, customer_id, total, currency from source.orders")
    (folder / "orders.parquet").unlink()
    values = ", ".join(f"'{value}' as {name}" for name, value in {**row, "total": "4"}.items())
    (selects / "orders.sql").write_text(f"select {values}", encoding="utf-8")
    load_feeds(warehouse, folder, link_secret="secret", now=NOW, sql_folder=selects)
    seen += rows(warehouse, "select order_id, customer_id, total, currency from source.orders")
    assert seen == [("o", "w4", total, None) for total in (1, 2, 3, 4)]


def test_blanks_at_an_address_and_in_place_of_a_name(warehouse: Engine, tmp_path: Path) -> None:
    """An address is trimmed, and a name of blanks is none. A key of blanks refuses its row."""
    load(warehouse, tmp_path, "customers.csv", (
        "customer_id,email,created_at,first_name,permission\n"
        f"ann,{NBSP}ann@example.com ,{CREATED},   ,withdrawn\n"
        f" {ZERO_WIDTH},bob@example.com,{CREATED},Bob,\n"
        f"eve,eve@example.com{ZERO_WIDTH},{CREATED},{NBSP}Eve{NBSP}, confirmed \n"
    ))  # fmt: skip
    assert rows(warehouse, "select customer_id, email, first_name, permission from source.customer order by 1") == [
        ("ann", "ann@example.com", None, "withdrawn"), ("eve", "eve@example.com", "Eve", "confirmed"),
    ]  # fmt: skip
    assert rows(warehouse, "select line, reason, detail from source.rejected") == [
        (3, "missing_value", "column customer_id"),
    ]


FULL = (
    "customer_id,email,created_at,first_name,timezone,birthday,currency,permission\n"
    f"ann,ann@example.com,{CREATED},Ann,Europe/London,1980-05-01,GBP,confirmed\n"
)
KNOWN = "select first_name, timezone, birthday::text, currency, permission from source.customer"


def test_an_absent_column_changes_nothing(warehouse: Engine, tmp_path: Path) -> None:
    """A file of few columns keeps what is known. An empty value of a column that is there clears it, but a permission
    says nothing. The second load of the same file writes nothing."""
    load(warehouse, tmp_path, "customers.csv", FULL)
    short = f"customer_id,email,created_at,currency\nann,ann.new@example.com,{CREATED},EUR\n"
    assert load(warehouse, tmp_path, "customers.csv", short).feeds["customers"].changed == 1
    assert rows(warehouse, KNOWN) == [("Ann", "Europe/London", "1980-05-01", "EUR", "confirmed")]
    assert load(warehouse, tmp_path, "customers.csv", short).feeds["customers"].changed == 0
    load(warehouse, tmp_path, "customers.csv", (
        f"customer_id,email,created_at,first_name,birthday,permission\nann,ann.new@example.com,{CREATED},,,\n"
    ))  # fmt: skip
    assert rows(warehouse, KNOWN) == [(None, "Europe/London", None, "EUR", "confirmed")]


def test_an_absent_key_changes_nothing_in_its_row(warehouse: Engine, tmp_path: Path) -> None:
    """In NDJSON each row says what it says. Null clears; a new customer has nothing there; of two rows of one customer
    the later adds to the earlier."""
    load(warehouse, tmp_path, "customers.csv", FULL + FULL.splitlines()[1].replace("ann", "bob") + "\n")
    base = {"created_at": CREATED}
    told = [
        {**base, "customer_id": "ann", "email": "ann@example.com", "currency": "EUR"},
        {**base, "customer_id": "bob", "email": "bob@example.com", "first_name": None, "birthday": "--11-05"},
        {**base, "customer_id": "eve", "email": "eve@example.com", "first_name": "Eve", "timezone": "UTC"},
        {**base, "customer_id": "eve", "email": "eve@example.com", "currency": "USD"},
        {**base, "customer_id": "eve", "email": "eve@example.com", "timezone": None},
    ]
    load(warehouse, tmp_path, "customers.ndjson", b"\n".join(map(orjson.dumps, told)))
    query = "select first_name, timezone, birthday::text, currency from source.customer order by customer_id"
    assert rows(warehouse, query) == [
        ("Ann", "Europe/London", "1980-05-01", "EUR"),
        (None, "Europe/London", "0004-11-05", "GBP"),
        ("Eve", None, None, "USD"),
    ]  # fmt: skip


def test_a_default_stands_for_a_new_row_only(warehouse: Engine, tmp_path: Path) -> None:
    """A refunded order stays refunded if the file no longer has the column; a new one of that file is placed."""
    load(warehouse, tmp_path, "orders.csv", ORDERS + f"o1,ann,{CREATED},5,EUR,refunded\n")
    load(warehouse, tmp_path, "orders.csv", (
        f"order_id,customer_id,ordered_at,total\no1,ann,{CREATED},6\no2,ann,{CREATED},7\n"
    ))  # fmt: skip
    assert rows(warehouse, "select order_id, total, currency, status from source.orders order by 1") == [
        ("o1", 6, "EUR", "refunded"), ("o2", 7, None, "placed"),
    ]  # fmt: skip


def test_values_that_cannot_be_read_cost_themselves(warehouse: Engine, tmp_path: Path) -> None:
    """Amounts with separators and signs, links without scheme, times without offset, words for null. Each optional
    value alone is left out and counted with its column. A required one refuses its row. Nothing refuses the file."""
    report = load(warehouse, tmp_path, "products.csv", (
        "product_id,name,price,currency,url,image_url,is_consumable,daily_use\n"
        'p1,Salt &amp; Pepper,"1,234.50",EUR,/p/1,https://shop.example.com/o\'neil.png,perhaps,-\n'
        "p2,Tea,$3,EUR,app://p/2,www.shop.example.com/2.png,NULL,\\N\n"
        "p3,N/A,3,EUR,,,,\n"
        "p4,Milk,3,EUR,https://shop.example.com/a b,,true,0.5\n"
    ))  # fmt: skip
    query = "select product_id, name, price, url, image_url, is_consumable, daily_use from source.product order by 1"
    assert rows(warehouse, query) == [
        ("p1", "Salt & Pepper", None, None, "https://shop.example.com/o%27neil.png", False, None),
        ("p2", "Tea", None, None, None, False, None),
        ("p4", "Milk", 3, "https://shop.example.com/a%20b", None, True, pytest.approx(0.5)),
    ]  # fmt: skip
    counts = report.feeds["products"]
    assert counts.reasons == {"missing_value": 1}
    assert counts.left_out == {
        ("unparsable_number", "price"): 2, ("relative_link", "url"): 1, ("relative_link", "image_url"): 1,
        ("link_scheme", "url"): 1, ("unparsable_boolean", "is_consumable"): 1,
    }  # fmt: skip
    assert counts.unread_values == 6
    report = load(warehouse, tmp_path, "orders.ndjson", (
        f'{{"order_id":"o1","customer_id":"ann","ordered_at":"{CREATED}","total":"12.50","delivered_at":"2026-01-05"}}\n'
        f'{{"order_id":"o2","customer_id":"ann","ordered_at":"2026-01-01","total":1}}\n'
        f'{{"order_id":"o3","customer_id":"ann","ordered_at":"{CREATED}","total":true}}\n'
        f'{{"order_id":"o4","customer_id":"ann","ordered_at":"{CREATED}","total":1,"cart_id":false,"status":"NULL"}}\n'
    ))  # fmt: skip
    assert rows(warehouse, "select order_id, total, delivered_at, cart_id, status from source.orders order by 1") == [
        ("o1", pytest.approx(12.5), None, None, "placed"), ("o4", 1, None, None, "placed"),
    ]  # fmt: skip
    assert report.feeds["orders"].reasons == {"time_without_offset": 1, "wrong_type": 1}
    assert report.feeds["orders"].left_out == {
        ("time_without_offset", "delivered_at"): 1, ("wrong_type", "cart_id"): 1,
    }  # fmt: skip


def test_a_link_in_place_of_a_name_takes_the_name_away(warehouse: Engine, tmp_path: Path) -> None:
    """The name that was stored goes too, and the link is counted. A placeholder is no name, and nothing to count."""
    load(warehouse, tmp_path, "customers.csv", FULL)
    names = "customer_id,email,created_at,first_name,last_name\n"
    report = load(warehouse, tmp_path, "customers.csv", names + (
        f"ann,ann@example.com,{CREATED},https://win.example.com,null\n"
    ))  # fmt: skip
    assert rows(warehouse, "select first_name, last_name from source.customer") == [(None, None)]
    assert report.feeds["customers"].left_out == {("link_in_name", "first_name"): 1}
    report = load(warehouse, tmp_path, "customers.csv", names + f"ann,ann@example.com,{CREATED},N/A,{'x' * 300}\n")
    assert rows(warehouse, "select first_name, last_name from source.customer") == [(None, "x" * 60)]
    assert report.feeds["customers"].left_out == {}


def test_a_birthday_without_a_year(warehouse: Engine, tmp_path: Path) -> None:
    """Two forms of a birthday without its year are kept. A date that could be two is left out; its customer loads."""
    head = "customer_id,email,created_at,birthday\n"
    told = {"ann": "--11-05", "bob": "0000-11-05", "cat": "11/05", "dan": "--02-29"}
    load(warehouse, tmp_path, "customers.csv", head + "".join(
        f"{who},{who}@example.com,{CREATED},{day}\n" for who, day in told.items()
    ))  # fmt: skip
    assert rows(warehouse, "select customer_id, birthday::text from source.customer order by 1") == [
        ("ann", "0004-11-05"), ("bob", "0004-11-05"), ("cat", None), ("dan", "0004-02-29"),
    ]  # fmt: skip
    assert rows(warehouse, "select line, reason, detail, is_loaded from source.rejected") == [
        (4, "unparsable_date", "column birthday", True)
    ]


def test_a_file_of_a_spreadsheet_loads(warehouse: Engine, tmp_path: Path) -> None:
    """Semicolons, Excel's line and UTF-16 change nothing of what a file says."""
    text = FULL.replace(",", ";")
    load(warehouse, tmp_path, "customers.csv", ("sep=;\r\n" + text).encode("utf-16"))
    assert rows(warehouse, KNOWN) == [("Ann", "Europe/London", "1980-05-01", "GBP", "confirmed")]


def test_why_names_the_refusals_of_a_customer_and_of_a_mailbox(warehouse: Engine, tmp_path: Path) -> None:
    """File, line, reason and column, for the id and for the address. A part of another's id or address does not count.
    """
    load(warehouse, tmp_path, "customers.csv", (
        "customer_id,email,created_at,birthday\n"
        f"ann,ann.example.com,{CREATED},\n"
        f"bob,bob@example.com,{CREATED},11/05\n"
        f"joann,joann@example.com,{CREATED},,\n"
        f"c7,Cat@example.com,yesterday,\n"
    ))  # fmt: skip

    def refusals(who: str) -> list[tuple[str, str | None]]:
        with warehouse.connect() as connection:
            found = mailbox_timeline(connection, who) if "@" in who else timeline(connection, who)
        return [(one.what, one.why) for one in found if "row" in one.what]

    assert refusals("ann") == [("a row was refused", "customers.csv line 2: malformed_address (column email)")]
    assert refusals("bob") == [
        ("a value was left out of a row", "customers.csv line 3: unparsable_date (column birthday)")
    ]
    fields = "customers.csv line 4: wrong_field_count (the row has 5 fields, the header 4)"
    assert refusals("joann") == [("a row was refused", fields)]
    assert refusals("joann@example.com") == [("a row was refused", fields)]
    assert refusals("ann@example.com") == []
    assert refusals("cat@example.com") == [
        ("a row was refused", "customers.csv line 5: unparsable_time (column created_at), of customer c7")
    ]


def test_a_feed_that_falls_silent_is_named(warehouse: Engine) -> None:
    """A feed is judged by its own habit: longer than ever in two weeks, longer than the limit, and several loads. One
    that never had a habit, or keeps it, is not named."""
    start = NOW - dt.timedelta(hours=40)
    with warehouse.begin() as connection:
        for hour in range(40):
            counts = {
                "orders": {"changed": 1 if hour < 30 else 0},  # for ten hours nothing
                "page_views": {"changed": 1 if hour % 12 == 0 or hour < 26 else 0},  # has its quiet nights
                "carts": {"changed": 1},
                "reviews": {"changed": 1 if hour in (1, 2, 3) else 0},  # no habit
            }
            at = start + dt.timedelta(hours=hour)
            builders.insert(connection, "source.load", started_at=at, finished_at=at, counts=counts)
    with warehouse.connect() as connection:
        assert silent_feeds(connection, NOW, Limits()) == [
            "orders: nothing new since 2026-11-21 01:00 UTC, in 10 loads; look at what writes the feed"
        ]
        assert silent_feeds(connection, NOW, Limits(silent_hours=12)) == []
        assert silent_feeds(connection, NOW, Limits(missing_periods=11)) == []
        assert silent_feeds(connection, NOW, Limits(missing_periods=0)) == []
        assert len(silent_feeds(connection, NOW, Limits(silent_hours=0))) == 1  # the habit needs no clock
        assert silence(connection, NOW, Limits(silent_hours=0)) == silent_feeds(connection, NOW, Limits())


CLOCK = "feeds: the newest fact of all is of {}, {}, and {} hours old, more than {}: "


def test_all_feeds_together_are_judged_by_the_clock(warehouse: Engine, tmp_path: Path) -> None:
    """The newest fact of any feed counts, whichever row or file has it; one that lies ahead of its load does not. A
    feed that only says what is (products) has no facts with a time."""

    def said(hours: float, limits: Limits = DEFAULT) -> str:
        with warehouse.connect() as connection:
            found = silence(connection, NOW + dt.timedelta(hours=hours), limits)
        return "".join(one.partition("look at")[0] for one in found)

    assert said(0).startswith("feeds: none has brought a fact with a time yet: ")
    assert said(0, Limits(silent_hours=0)) == ""
    load(warehouse, tmp_path, "products.csv", "product_id,name\ntea,Green tea\n")
    assert said(0).startswith("feeds: none has brought a fact with a time yet: ")
    load(warehouse, tmp_path, "orders.csv", (
        "order_id,customer_id,ordered_at,total,currency\n"
        "o1,ann,2026-11-21T08:00:00Z,5,EUR\n"
        "o2,ann,2026-11-21T06:00:00Z,5,EUR\n"
        "o3,ann,2027-11-21T06:00:00Z,5,EUR\n"
    ))  # fmt: skip
    assert said(0) == CLOCK.format("orders", "2026-11-21 08:00 UTC", "4.0", 3)
    assert said(-1) == ""
    assert (said(0, Limits(silent_hours=4)), said(0, Limits(silent_hours=0))) == ("", "")
    load(warehouse, tmp_path, "customers.csv", (
        "customer_id,email,created_at,permission,permission_at\n"
        "ann,ann@example.com,2026-11-01T08:00:00Z,withdrawn,2026-11-21T10:00:00Z\n"
    ))  # fmt: skip
    assert said(0) == ""
    load(warehouse, tmp_path, "customers.csv", (  # an older file takes nothing back
        "customer_id,email,created_at\nbob,bob@example.com,2026-11-01T08:00:00Z\n"
    ))  # fmt: skip
    assert said(3.5) == CLOCK.format("customers", "2026-11-21 10:00 UTC", "5.5", 3)


def test_periods_that_brought_nothing_of_any_feed_are_named(warehouse: Engine) -> None:
    """Two hours whose loads brought nothing are red; a repeated load counts once, and a load that broke off not."""
    hour = NOW.replace(minute=0)

    def loaded(hours: float, changed: int, ended: bool = True) -> None:
        at = hour + dt.timedelta(hours=hours)
        counts = {"orders": {"changed": changed}, "products": {"changed": 0}}
        with warehouse.begin() as connection:
            builders.insert(
                connection, "source.load", started_at=at, finished_at=at if ended else None, counts=counts
            )

    def said(limits: Limits = DEFAULT) -> list[str]:
        with warehouse.connect() as connection:
            found = silence(connection, hour + dt.timedelta(hours=6), limits)
        return [one.partition(":")[2].partition(":")[0].strip() for one in found if "periods" in one]

    with warehouse.begin() as connection:
        builders.insert(connection, "source.newest_fact", feed="orders", happened_at=hour + dt.timedelta(hours=5))
    loaded(0, 1)
    loaded(0.5, 0)
    loaded(1, 0)
    loaded(1.5, 0)
    loaded(2, 0, ended=False)
    assert said() == []
    loaded(3, 0)
    assert said() == ["the loads of the last 2 periods brought nothing new of any feed"]
    assert said(Limits(missing_periods=3)) == said(Limits(missing_periods=0)) == said(Limits(silent_hours=0)) == []
    loaded(4, 1)
    assert said() == []


def test_each_feed_with_facts_says_when_they_happened() -> None:
    """A feed whose rows must have a time names it under dated_by, so that its silence is noticed."""
    timed = {feed.name for feed in feeds().values() if any(c.required and c.kind == "time" for c in feed.columns)}
    assert {feed.name for feed in feeds().values() if feed.dated_by} == timed
