"""What becomes of rows over several files and loads: splits, carts, formats, SQL feeds."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.sources import FeedCounts, load_feeds

TIME = "2026-01-01T00:00:00Z"
LINES = "cart_id,product_id,quantity,unit_price\n"


def rows(warehouse: Engine, query: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def no_files(folder: Path) -> Path:
    """Return an empty feeds folder below `folder`."""
    empty = folder / "feeds"
    empty.mkdir(exist_ok=True)
    return empty


def cart_lines(warehouse: Engine) -> set[tuple[object, ...]]:
    return set(rows(warehouse, "select cart_id, product_id, quantity from source.cart_line"))


def test_files_of_a_feed_in_order_of_their_names(warehouse: Engine, tmp_path: Path) -> None:
    """Several files of one feed, of any format, count in the order of their names; a later row wins."""
    (tmp_path / "page_views-0001.csv").write_text(f"view_id,customer_id,viewed_at,topic\nv1,c1,{TIME},first\n")
    (tmp_path / "page_views-0003.csv").write_text(f"view_id,customer_id,viewed_at,topic\nv1,c1,{TIME},third\n")
    (tmp_path / "page_views-0002.ndjson").write_text(
        f'{{"view_id":"v1","customer_id":"c1","viewed_at":"{TIME}","topic":"second"}}\n'
        + f'{{"view_id":"v2","customer_id":"c1","viewed_at":"{TIME}","topic":"second"}}\n'
    )
    pq.write_table(
        pa.table({
            "view_id": ["v2", "v3"], "customer_id": ["c1", "c1"], "topic": ["month", None],
            "viewed_at": pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 2, pa.timestamp("ns", "UTC")),
            "seconds_on_page": pa.array([decimal.Decimal("1.50"), None], pa.decimal128(8, 2)),
        }),
        tmp_path / "page_views.2026-11.parquet",
    )
    report = load_feeds(warehouse, tmp_path, link_secret="secret")
    assert report.feeds["page_views"] == FeedCounts(read=6, loaded=6, changed=6)
    assert rows(warehouse, "select view_id, topic, seconds_on_page from source.page_view order by 1") == [
        ("v1", "third", None), ("v2", "month", decimal.Decimal("1.50")), ("v3", None, None),
    ]
    assert rows(warehouse, "select * from source.rejected") == []


def test_row_that_loses_a_value(warehouse: Engine, tmp_path: Path) -> None:
    """A later row is taken as a whole: an empty value is no longer there, or at its default."""
    path = tmp_path / "orders.csv"
    path.write_text(f"order_id,customer_id,ordered_at,total,currency,status\no1,c1,{TIME},5,EUR,refunded\n")
    load_feeds(warehouse, tmp_path, link_secret="secret")
    path.write_text(f"order_id,customer_id,ordered_at,total,currency,status\no1,c1,{TIME},5,,\n")
    load_feeds(warehouse, tmp_path, link_secret="secret")
    assert rows(warehouse, "select currency, status from source.orders") == [(None, "placed")]


def test_unchanged_rows_are_not_rewritten(warehouse: Engine, tmp_path: Path) -> None:
    """A load rewrites the rows that changed and no other, also if values are rounded on the way in."""
    path = tmp_path / "cart_lines.csv"
    path.write_text(LINES + "k1,p1,1,0.123456789\nk2,p1,1.00,2\n")
    load_feeds(warehouse, tmp_path, link_secret="secret")
    before = dict(rows(warehouse, "select cart_id, xmin::text from source.cart_line"))  # type: ignore[arg-type]
    path.write_text(LINES + "k1,p1,1,0.123456789\nk2,p1,1,3\n")
    report = load_feeds(warehouse, tmp_path, link_secret="secret")
    after = dict(rows(warehouse, "select cart_id, xmin::text from source.cart_line"))  # type: ignore[arg-type]
    assert {cart for cart in after if after[cart] != before[cart]} == {"k2"}
    assert report.feeds["cart_lines"] == FeedCounts(read=2, loaded=2, changed=1)


def test_cart_lines_replace_their_cart(warehouse: Engine, tmp_path: Path) -> None:
    """A cart that appears has exactly the file's lines; a cart that does not appear keeps its own."""
    path = tmp_path / "cart_lines.csv"
    path.write_text(LINES + "k1,p1,1,1\nk1,p2,2,1\nk2,p1,5,1\n")
    load_feeds(warehouse, tmp_path, link_secret="secret")
    path.write_text(LINES + "k1,p2,3,1\nk1,p3,4,1\n")
    load_feeds(warehouse, tmp_path, link_secret="secret")
    assert cart_lines(warehouse) == {("k1", "p2", 3), ("k1", "p3", 4), ("k2", "p1", 5)}
    path.unlink()
    load_feeds(warehouse, tmp_path, link_secret="secret")
    assert cart_lines(warehouse) == {("k1", "p2", 3), ("k1", "p3", 4), ("k2", "p1", 5)}


def test_later_file_replaces_the_lines_of_a_cart(warehouse: Engine, tmp_path: Path) -> None:
    """If several files have a cart, the last one gives all its lines; bad lines do not count as appearing."""
    (tmp_path / "cart_lines-1.csv").write_text(LINES + "k1,p1,1,1\nk1,p2,2,1\nk2,p1,5,1\n")
    (tmp_path / "cart_lines-2.csv").write_text(LINES + "k1,p9,9,1\nk2,p2,-1,1\n")
    for _ in range(2):
        load_feeds(warehouse, tmp_path, link_secret="secret")
        assert cart_lines(warehouse) == {("k1", "p9", 9), ("k2", "p1", 5)}


def test_sql_feed_takes_the_columns_of_the_files(warehouse: Engine, tmp_path: Path) -> None:
    """A select over the user's own tables is a feed like any other: same checks, same merge."""
    with warehouse.begin() as connection:
        connection.exec_driver_sql("create schema shop")
        connection.exec_driver_sql(
            "create table shop.sale (id bigint, buyer int, at timestamptz, local timestamp, amount numeric)"
        )
        connection.exec_driver_sql(
            "insert into shop.sale select n, mod(n, 3), '2026-01-01 00:00+00', '2026-01-01', n - 1 "
            "from generate_series(0, 3) as n"
        )
        connection.exec_driver_sql("grant usage on schema shop to lifecycle_segments")
        connection.exec_driver_sql("grant select on shop.sale to lifecycle_segments")
    (tmp_path / "orders.sql").write_text(
        "-- 100 % of the shop's sales\n"
        "select id as order_id, buyer as customer_id, at as ordered_at, amount as total, true as extra "
        "from shop.sale order by id;\n"
    )
    for changed in (3, 0):
        report = load_feeds(warehouse, no_files(tmp_path), link_secret="secret", sql_folder=tmp_path)
        assert report.feeds == {"orders": FeedCounts(read=4, loaded=3, changed=changed, rejected=1)}
        assert report.warnings == ("sql/feeds/orders.sql: columns that are not in the contract were left out: extra",)
    assert rows(warehouse, "select order_id, customer_id, total from source.orders order by 1") == [
        ("1", "1", 0), ("2", "2", 1), ("3", "0", 2),
    ]
    assert rows(warehouse, "select file, line, customer_id, reason from source.rejected") == [
        ("sql/feeds/orders.sql", 1, "0", "negative_total")
    ]
    assert rows(warehouse, "select customer_id, order_count from source.customer_activity order by 1") == [
        ("0", 1), ("1", 1), ("2", 1),
    ]


def test_times_without_zone_of_a_sql_feed(warehouse: Engine, tmp_path: Path) -> None:
    """A select's times without zone are set aside, as those of a file are."""
    query = "select 'v1' as view_id, 'c' as customer_id, timestamp '2026-01-01' as viewed_at"
    (tmp_path / "page_views.sql").write_text(query)
    report = load_feeds(warehouse, no_files(tmp_path), link_secret="secret", sql_folder=tmp_path)
    assert report.feeds == {"page_views": FeedCounts(read=1, rejected=1)}
    assert rows(warehouse, "select file, reason from source.rejected") == [
        ("sql/feeds/page_views.sql", "time_without_offset")
    ]


def test_query_cannot_write(warehouse: Engine, tmp_path: Path) -> None:
    """A SQL feed cannot change the warehouse, also not by a second statement behind the select."""
    with warehouse.begin() as connection:
        connection.exec_driver_sql("create table kept (n int)")
    select = "select 'v' as view_id, 'c' as customer_id, now() as viewed_at"
    for query in ("drop table kept", f"{select}; drop table kept", f"{select}; commit; drop table kept"):
        (tmp_path / "page_views.sql").write_text(query)
        report = load_feeds(warehouse, no_files(tmp_path), link_secret="secret", sql_folder=tmp_path)
        assert report.refused_files == {"sql/feeds/page_views.sql": "query_failed"}
    assert rows(warehouse, "select to_regclass('kept')::text") == [("kept",)]


def test_progress_counts_all_files_of_a_feed(warehouse: Engine, tmp_path: Path) -> None:
    """Progress rises over all files of a feed to the number of its rows."""
    for number in range(2):
        views = "".join(f"v{number}-{row},c,{TIME}\n" for row in range(6_000))
        (tmp_path / f"page_views-{number}.csv").write_text("view_id,customer_id,viewed_at\n" + views)
    seen: list[tuple[str, int, int | None]] = []
    load_feeds(
        warehouse, tmp_path, link_secret="secret",
        progress=lambda feed, done, total: seen.append((feed, done, total)),
    )
    assert seen == [("page_views", done, 12_000) for done in (5_000, 6_000, 11_000, 12_000)]


def test_progress_ends_at_its_total(warehouse: Engine, tmp_path: Path) -> None:
    """If rows run over several lines, or a file is refused, progress still ends at its total."""
    header = "view_id,customer_id,viewed_at,topic\n"
    (tmp_path / "page_views-1.csv").write_text(header + f'v1,c,{TIME},"a\nb"\n\nv2,c,{TIME},\n')
    (tmp_path / "page_views-2.csv").write_text(f"view_id,customer_id\nv3,c\nv4,{TIME}\n")
    seen: list[tuple[int, int | None]] = []
    load_feeds(
        warehouse, tmp_path, link_secret="secret", progress=lambda feed, done, total: seen.append((done, total))
    )
    assert seen[-1] == (2, 2)


def test_load_is_written_down(warehouse: Engine, tmp_path: Path) -> None:
    """Each load leaves its counts, its time and that it finished."""
    (tmp_path / "page_views.csv").write_text(f"view_id,customer_id,viewed_at\nv1,c,{TIME}\nv2,c,never\n")
    report = load_feeds(warehouse, tmp_path, link_secret="secret")
    assert rows(warehouse, "select load_id, counts, finished_at is not null from source.load") == [
        (
            report.load_id,
            {
                    "page_views": {
                        "read": 2, "loaded": 1, "changed": 1, "rejected": 1, "unread_values": 0, "without_customers": 1,
                    }
                },
            True,
        )
    ]
