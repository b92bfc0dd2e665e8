"""A value that cannot be read is set aside alone if its row can do without it, and is named with its column."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import builders
from lifecycle_mail.sources import FeedCounts, LoadReport, load_feeds
from planning import campaign_of, members, plan, states, topic_of

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
CREATED = "2026-01-01T00:00:00Z"


def load(warehouse: Engine, folder: Path, feed: str, content: str, form: str = "csv") -> LoadReport:
    for old in folder.iterdir():
        old.unlink()
    (folder / f"{feed}.{form}").write_text(content, encoding="utf-8", newline="")
    return load_feeds(warehouse, folder, link_secret="secret", now=NOW)


def rows(warehouse: Engine, query: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


ASIDE = "select line, reason, detail, is_loaded from source.rejected order by 1, 2"
CUSTOMERS = "customer_id,email,created_at,first_name,locale,timezone,country,currency,birthday,permission\n"
WHOLE = f"ann,ann@example.com,{CREATED},Ann,en-GB,Europe/London,GB,GBP,1980-05-01,confirmed\n"
PERSONAL = "select first_name, locale, timezone, country, currency, birthday::text from source.customer"
VALUES = [
    (3, "x" * 10_001, "text_too_long", "first_name"),
    (3, "a\0b", "nul_byte", "first_name"),
    (4, "english, please", "invalid_locale", "locale"),
    (5, "Europe/Atlantis", "invalid_zone", "timezone"),
    (6, "England", "invalid_country", "country"),
    (7, "£", "invalid_currency", "currency"),
    (8, "11/05", "unparsable_date", "birthday"),
    (8, "1800-01-01", "birthday_out_of_range", "birthday"),
    (8, "2026-11-22", "birthday_out_of_range", "birthday"),
]


@pytest.mark.parametrize(("place", "value", "reason", "column"), VALUES)
def test_an_unreadable_value_costs_itself(
    warehouse: Engine, tmp_path: Path, place: int, value: str, reason: str, column: str
) -> None:
    """A known customer keeps what the column had, a new one has nothing there; the rest of the row loads."""
    load(warehouse, tmp_path, "customers", CUSTOMERS + WHOLE)
    cells = WHOLE.replace("GB,GBP", "FR,EUR").rstrip("\n").split(",")
    cells[place] = f'"{value}"'
    row = ",".join(cells)
    report = load(warehouse, tmp_path, "customers", CUSTOMERS + f"{row}\n{row.replace('ann', 'bob')}\n")
    kept = dict(zip(("first_name", "locale", "timezone", "country", "currency", "birthday"),
                    ("Ann", "en-GB", "Europe/London", "FR", "EUR", "1980-05-01"), strict=True))  # fmt: skip
    before = {**kept, "country": "GB", "currency": "GBP"}
    assert rows(warehouse, PERSONAL + " order by customer_id") == [
        tuple({**kept, column: before[column]}.values()), tuple({**kept, column: None}.values()),
    ]
    assert rows(warehouse, ASIDE) == [(2, reason, f"column {column}", True), (3, reason, f"column {column}", True)]
    assert report.feeds == {"customers": FeedCounts(read=2, loaded=2, changed=2, unread_values=2)}


def test_several_values_of_a_row(warehouse: Engine, tmp_path: Path) -> None:
    """Each reason is one entry that names its columns. A row that is refused has one entry. The same file again adds
    nothing."""
    content = (
        "customer_id,email,created_at,first_name,last_name,timezone,birthday\n"
        f"ann,ann@example.com,{CREATED},a\0,b\0,Nowhere,11/05\n"
        f"bob,bob-example.com,{CREATED},a\0,b\0,Nowhere,11/05\n"
    )
    for _ in range(2):
        report = load(warehouse, tmp_path, "customers", content)
        assert rows(warehouse, ASIDE) == [
            (2, "invalid_zone", "column timezone", True),
            (2, "nul_byte", "column first_name, last_name", True),
            (2, "unparsable_date", "column birthday", True),
            (3, "malformed_address", "column email", False),
        ]
        assert (report.feeds["customers"].rejected, report.feeds["customers"].unread_values) == (1, 4)
    assert rows(warehouse, "select customer_id from source.customer") == [("ann",)]


def test_a_duplicate_was_not_loaded(warehouse: Engine, tmp_path: Path) -> None:
    """If two rows have one key, the last is loaded. Of the other, values and row are set aside, and their reasons say
    so."""
    load(warehouse, tmp_path, "customers", CUSTOMERS + WHOLE.replace("GB,GBP", "England,GBP") + WHOLE)
    assert rows(warehouse, ASIDE) == [
        (2, "duplicate_key", "a later row has the same customer_id", False),
        (2, "invalid_country", "column country", False),
    ]


OTHER_FEEDS = [
    ("products", "product_id,name,price,is_consumable,goods_kind", "p,Coffee,cheap,perhaps,liquid",
     "select name, price, is_consumable, goods_kind from source.product", [("Coffee", None, False, None)]),
    ("orders", "order_id,customer_id,ordered_at,total,delivered_at", f"o,c,{CREATED},1,soon",
     "select total, delivered_at from source.orders", [(1, None)]),
    ("page_views", "view_id,customer_id,viewed_at,seconds_on_page", f"v,c,{CREATED},-1",
     "select seconds_on_page from source.page_view", [(None,)]),
    ("lead_actions", "action_id,customer_id,kind,subject,acted_at", f"a,c,webinar,a\0,{CREATED}",
     "select kind, subject from source.lead_action", [("webinar", None)]),
    ("reviews", "review_id,customer_id,product_id,order_id,rating,reviewed_at", f"r,c,p,a\0,5,{CREATED}",
     "select order_id, rating from source.review", [(None, 5)]),
    ("carts", "cart_id,customer_id,created_at,updated_at,status,url", f"k,c,{CREATED},{CREATED},open,a\0",
     "select status, url from source.cart", [("open", None)]),
]  # fmt: skip


@pytest.mark.parametrize(("feed", "header", "row", "query", "expected"), OTHER_FEEDS)
def test_every_feed_is_like_that(
    warehouse: Engine, tmp_path: Path, feed: str, header: str, row: str, query: str,
    expected: list[tuple[object, ...]],
) -> None:  # fmt: skip
    """Optional values of every feed are set aside alone."""
    load(warehouse, tmp_path, feed, f"{header}\n{row}\n")
    assert rows(warehouse, query) == expected
    assert {is_loaded for *_, is_loaded in rows(warehouse, ASIDE)} == {True}


def test_a_known_product_keeps_what_it_is(warehouse: Engine, tmp_path: Path) -> None:
    """A default stands for what is missing, never for what is known."""
    load(warehouse, tmp_path, "products", "product_id,name,is_consumable\np,Coffee,true\n")
    load(warehouse, tmp_path, "products", "product_id,name,is_consumable\np,Strong coffee,perhaps\n")
    assert rows(warehouse, "select name, is_consumable from source.product") == [("Strong coffee", True)]


ORDER = "order_id,customer_id,ordered_at,total,currency,status\n"
NOT_WITHOUT = [
    ("orders", ORDER + f"o,c,{CREATED},1,EUR,returned\n", "unknown_status", "column status"),
    ("orders", ORDER + f"o,c,{CREATED},1,€,placed\n", "invalid_currency", "column currency"),
    ("orders", ORDER + f"o,c,{CREATED},,EUR,placed\n", "missing_value", "column total"),
    ("products", "product_id,name,price,currency\np,x,1,€\n", "invalid_currency", "column currency"),
    ("offers", f"offer_code,valid_from,valid_until,customer_id\nA,{CREATED},{CREATED},a\0\n", "nul_byte",
     "column customer_id"),
    ("offers", f"offer_code,valid_from,valid_until,percent\nA,{CREATED},{CREATED},-1\n", "negative_percent",
     "column percent"),
    ("offers", f"offer_code,valid_from,valid_until,redeemed_at\nA,{CREATED},{CREATED},yes\n", "unparsable_time",
     "column redeemed_at"),
]  # fmt: skip


@pytest.mark.parametrize(("feed", "content", "reason", "detail"), NOT_WITHOUT)
def test_what_a_row_cannot_do_without(
    warehouse: Engine, tmp_path: Path, feed: str, content: str, reason: str, detail: str
) -> None:
    """If the row would mean something else without the value, the row is set aside."""
    load(warehouse, tmp_path, feed, content)
    assert rows(warehouse, ASIDE) == [(2, reason, detail, False)]
    assert rows(warehouse, f"select * from source.{feed.rstrip('s') if feed != 'orders' else feed}") == []  # noqa: S608


def test_json_and_parquet_values_of_a_wrong_type(warehouse: Engine, tmp_path: Path) -> None:
    """A type that an optional column cannot hold costs its values; of a required one it costs row or file."""
    load(warehouse, tmp_path, "customers", (
        '{"customer_id":"ann","email":"ann@example.com","created_at":"2026-01-01T00:00:00Z","birthday":19800501}\n'
        '{"customer_id":"bob","email":"bob@example.com","created_at":1767225600,"birthday":"1980-05-01"}\n'
    ), "ndjson")  # fmt: skip
    assert rows(warehouse, ASIDE) == [
        (1, "wrong_type", "column birthday", True), (2, "wrong_type", "column created_at", False),
    ]
    assert rows(warehouse, "select customer_id, birthday from source.customer") == [("ann", None)]
    (tmp_path / "customers.ndjson").unlink()
    table = pa.table({
        "customer_id": ["ann", "eve"], "email": ["ann@example.com", "eve@example.com"], "created_at": [CREATED] * 2,
        "birthday": pa.array([19800501, None], pa.int64()), "first_name": ["Ann", "Eve"],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "customers.parquet")
    load_feeds(warehouse, tmp_path, link_secret="secret", now=NOW)
    assert rows(warehouse, "select customer_id, first_name, birthday from source.customer order by 1") == [
        ("ann", "Ann", None), ("eve", "Eve", None),
    ]
    found = "select line, reason, detail, is_loaded from source.rejected where file like '%.parquet'"
    assert rows(warehouse, found) == [(1, "wrong_type", "column birthday", True)]


CARTS = "cart_id,customer_id,created_at,updated_at,status\n"
UNREAD_CARTS = [
    "cart-ann,ann,2026-01-01T00:00:00Z,2026-03-02T11:00:00Z,closed",
    "cart-ann,ann,2026-01-01T00:00:00Z,2026-03-02T11:00:00Z,",
    "cart-ann,ann,2026-01-01T00:00:00Z,soon,ordered",
    "cart-ann,ann,2026-01-01T00:00:00Z,2026-03-02T11:00:00Z,emptied,",
    'cart-ann,"ann,2026-01-01T00:00:00Z,2026-03-02T11:00:00Z,ordered',
]


@pytest.fixture
def carts(warehouse: Engine, tmp_path: Path) -> Engine:
    """Ann and Bob with an open cart each since eleven, and in the segment since noon."""
    members(warehouse, "ann", "bob")
    at = "2026-03-02T11:00:00Z"
    load(warehouse, tmp_path, "carts", CARTS + f"cart-ann,ann,{at},{at},open\ncart-bob,bob,{at},{at},open\n")
    return warehouse


def cart_states(warehouse: Engine) -> dict[object, object]:
    return dict(rows(warehouse, "select cart_id, status from source.cart"))  # type: ignore[arg-type]


@pytest.mark.parametrize("row", UNREAD_CARTS)
def test_a_cart_that_cannot_be_read_is_not_mailed(carts: Engine, tmp_path: Path, row: str) -> None:
    """A row is refused and does not clearly say open: the stored cart counts as open no more, and its series ends. The
    next row that can be read says what the cart is."""
    load(carts, tmp_path, "carts", CARTS + row + "\n")
    assert cart_states(carts) == {"cart-ann": "unreadable", "cart-bob": "open"}
    plan(carts, campaign_of(), topic_of())
    assert rows(carts, "select customer_id, end_reason from journey.enrollment order by 1") == [
        ("ann", "cart_unreadable"), ("bob", None),
    ]
    assert states(carts) == {("bob", "reminder", "planned", None)}
    load(carts, tmp_path, "carts", CARTS + "cart-ann,ann,2026-01-01T00:00:00Z,2026-03-02T11:00:00Z,open\n")
    assert cart_states(carts) == {"cart-ann": "open", "cart-bob": "open"}


def test_a_planned_cart_mail_does_not_go(carts: Engine, tmp_path: Path) -> None:
    """The mail was planned before the cart became unreadable: its series ends, by name."""
    plan(carts, campaign_of(), topic_of())
    load(carts, tmp_path, "carts", CARTS + UNREAD_CARTS[0] + "\n")
    plan(carts, campaign_of(), topic_of(), as_of=builders.NOON + dt.timedelta(hours=1))
    assert rows(carts, "select customer_id, end_reason from journey.enrollment order by 1") == [
        ("ann", "cart_unreadable"), ("bob", None),
    ]


@pytest.mark.parametrize(
    "row",
    [
        "cart-ann,ann,yesterday,2026-03-02T11:00:00Z,open",  # surely open, though refused
        "cart-ann,ann,2026-01-01T00:00:00Z,2026-03-02T11:00:00Z,closed\n"
        "cart-ann,ann,2026-01-01T00:00:00Z,2026-03-02T11:00:00Z,open",
    ],
)
def test_a_cart_that_is_surely_open(carts: Engine, tmp_path: Path, row: str) -> None:
    """A refused row that says open, or a later whole row, leaves the cart open."""
    load(carts, tmp_path, "carts", CARTS + row + "\n")
    assert cart_states(carts) == {"cart-ann": "open", "cart-bob": "open"}
