"""Loading feed files into a real warehouse: what arrives, what is set aside, and that twice is once."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.sources import FeedCounts, load_feeds

FILES = {
    "customers": (
        "customer_id,email,created_at,first_name,locale,timezone,country,currency,birthday,permission,permission_at",
        "c1,Ann@example.com,2026-01-02T03:04:05+02:00,Ann,en_GB,Europe/London,gb,gbp,1990-02-28,confirmed,2026-02-01T00:00:00Z",
        "c2,bob@example.com,2026-01-03T00:00:00Z,,,,,,,,",
    ),
    "products": (
        "product_id,name,product_type,price,is_consumable,units_per_pack,daily_use,delivery_days,goods_kind",
        "p1,Vitamins,vitamins,12.50,yes,100,1,5,soft",
        "p2,Lamp,lamps,0,,,,,hard",
    ),
    "orders": (
        "order_id,customer_id,ordered_at,total,currency,status",
        "o1,c1,2026-03-01T10:00:00Z,0,EUR,",
        "o2,c1,2026-03-05T10:00:00Z,20.5,EUR,cancelled",
    ),
    "order_lines": ("order_id,line_no,product_id,quantity,unit_price", "o1,1,p1,0,0", "o1,2,p2,1.5,3.99"),
    "carts": (
        "cart_id,customer_id,created_at,updated_at,status",
        "k1,c1,2026-03-01T10:00:00Z,2026-03-02T10:00:00Z,open",
    ),
    "cart_lines": ("cart_id,product_id,quantity,unit_price", "k1,p1,1,2", "k1,p2,3,4"),
    "page_views": (
        "view_id,customer_id,viewed_at,product_id,topic,seconds_on_page",
        "v1,c2,2026-03-04T10:00:00Z,p1,,61.5",
    ),
    "lead_actions": ("action_id,customer_id,kind,subject,acted_at", "a1,c2,subscribe,blog,2026-03-04T10:00:00Z"),
    "reviews": (
        "review_id,customer_id,product_id,order_id,rating,reviewed_at",
        "r1,c1,p1,o1,4.5,2026-03-04T10:00:00Z",
    ),
    "offers": (
        "offer_code,customer_id,campaign,percent,valid_from,valid_until,redeemed_at",
        "TEN,,,10,2026-03-04T10:00:00Z,2026-03-06T10:00:00Z,",
    ),
    "occasions": (
        "occasion_id,name,kind,starts_at,ends_at,url",
        "w1,Tea &amp; talk,webinar,2026-04-01T10:00:00Z,,https://shop.example.com/tea",
    ),
    "registrations": (
        "occasion_id,customer_id,registered_at,status,status_at",
        "w1,c1,2026-03-04T10:00:00Z,Attended,2026-04-01T10:05:00Z",
        "w1,c2,2026-03-04T10:00:00Z,canceled,",
    ),
    "contracts": (
        "contract_id,customer_id,product_id,starts_at,ends_at,status",
        "t1,c1,p1,2026-03-04T10:00:00Z,2027-03-04T10:00:00Z,",
        "t2,c2,,2026-03-04T10:00:00Z,2027-03-04T10:00:00Z,expired",
    ),
    "referrals": (
        "referral_id,customer_id,referred_customer_id,referred_at,ordered_at",
        "f1,c1,c2,2026-03-04T10:00:00Z,2026-03-05T10:00:00Z",
    ),
}
ONE_OF_EACH = {
    "customers": 2, "products": 2, "orders": 2, "order_lines": 2, "carts": 1, "cart_lines": 2, "page_views": 1,
    "lead_actions": 1, "reviews": 1, "offers": 1, "occasions": 1, "registrations": 2, "contracts": 2, "referrals": 1,
}


def write_all(folder: Path) -> None:
    for feed, lines in FILES.items():
        (folder / f"{feed}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def rows(warehouse: Engine, query: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_all_feeds_arrive(warehouse: Engine, tmp_path: Path) -> None:
    """Each of the feeds is loaded, and nothing is set aside."""
    write_all(tmp_path)
    report = load_feeds(warehouse, tmp_path, link_secret="secret")
    assert report.feeds == {
        feed: FeedCounts(read=count, loaded=count, changed=count) for feed, count in ONE_OF_EACH.items()
    }
    assert rows(warehouse, "select * from source.rejected") == []
    assert rows(
        warehouse,
        """select customer_id, email, address, locale, timezone, country, currency, birthday::text, permission,
           permission_at::text, created_at::text from source.customer order by 1""",
    ) == [
        ("c1", "Ann@example.com", "ann@example.com", "en-GB", "Europe/London", "GB", "GBP", "1990-02-28",
         "confirmed", "2026-02-01 00:00:00+00", "2026-01-02 01:04:05+00"),
        ("c2", "bob@example.com", "bob@example.com", None, None, None, None, None, "none", None,
         "2026-01-03 00:00:00+00"),
    ]
    assert rows(warehouse, "select order_id, status from source.orders order by 1") == [
        ("o1", "placed"), ("o2", "cancelled"),
    ]
    assert rows(warehouse, "select customer_id, status, status_at::text from source.registration order by 1") == [
        ("c1", "attended", "2026-04-01 10:05:00+00"), ("c2", "cancelled", None),
    ]
    assert rows(warehouse, "select contract_id, product_id, status from source.contract order by 1") == [
        ("t1", "p1", "active"), ("t2", None, "ended"),
    ]
    assert rows(warehouse, "select name, kind, ends_at, url from source.occasion") == [
        ("Tea & talk", "webinar", None, "https://shop.example.com/tea"),
    ]
    assert rows(warehouse, "select referred_customer_id, ordered_at::text from source.referral") == [
        ("c2", "2026-03-05 10:00:00+00"),
    ]


def test_loading_again_changes_nothing(warehouse: Engine, tmp_path: Path) -> None:
    """A second load of the same folder writes no row at all."""
    write_all(tmp_path)
    load_feeds(warehouse, tmp_path, link_secret="secret")
    again = load_feeds(warehouse, tmp_path, link_secret="secret")
    assert again.feeds == {feed: FeedCounts(read=count, loaded=count) for feed, count in ONE_OF_EACH.items()}


def test_activity_counts_orders_and_views(warehouse: Engine, tmp_path: Path) -> None:
    """The activity row has placed orders and page views; a cancelled order never counts."""
    write_all(tmp_path)
    load_feeds(warehouse, tmp_path, link_secret="secret")
    assert rows(
        warehouse,
        """select customer_id, first_order_at::text, last_order_at::text, order_count, last_view_at::text,
           last_activity_at::text from source.customer_activity order by 1""",
    ) == [
        ("c1", "2026-03-01 10:00:00+00", "2026-03-01 10:00:00+00", 1, None, "2026-03-01 10:00:00+00"),
        ("c2", None, None, 0, "2026-03-04 10:00:00+00", "2026-03-04 10:00:00+00"),
    ]
