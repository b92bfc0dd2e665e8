"""Feeds that break their contract: each bad row is set aside with a named reason, and its neighbours load."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.errors import DatabaseUnavailable, FeedError
from lifecycle_mail.sources import FeedCounts, LoadReport, load_feeds

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
CUSTOMERS = "customer_id,email,created_at,timezone,birthday,permission,first_name\n"


def load(warehouse: Engine, folder: Path) -> LoadReport:
    return load_feeds(warehouse, folder, link_secret="secret", now=NOW)


def rows(warehouse: Engine, query: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def keys(warehouse: Engine, table: str, key: str) -> set[object]:
    return {row[0] for row in rows(warehouse, f"select {key} from source.{table}")}  # noqa: S608


BAD_CUSTOMERS = [
    ('bad,"ann@example.com\nBcc: eve@example.com",2026-01-01T00:00:00Z,,,,', "newline_in_address"),
    ("bad,ann.example.com,2026-01-01T00:00:00Z,,,,", "malformed_address"),
    ("bad,,2026-01-01T00:00:00Z,,,,", "missing_value"),
    ("  ,a@example.com,2026-01-01T00:00:00Z,,,,", "missing_value"),
    ("bad,a@example.com,,,,,", "missing_value"),
    ("bad,a@example.com,2026-02-30T00:00:00Z,,,,", "unparsable_time"),
    ("bad,a@example.com,2026-01-01T00:00:00,,,,", "time_without_offset"),
    ("bad" + "x" * 10_001 + ",a@example.com,2026-01-01T00:00:00Z,,,,", "text_too_long"),
    ("ba\0d,a@example.com,2026-01-01T00:00:00Z,,,,", "nul_byte"),
    ("bad,a@example.com,2026-01-01T00:00:00Z,,,", "wrong_field_count"),
    ("bad,a@example.com,2026-01-01T00:00:00Z,,,,,", "wrong_field_count"),
    ('bad,"a@example.com,2026-01-01T00:00:00Z,,,,', "malformed_csv"),
]


def test_bad_rows_are_set_aside_and_their_neighbours_load(warehouse: Engine, tmp_path: Path) -> None:
    """Every way of breaking the customers' contract has a name and a line; the row after each loads."""
    content, expected, line = CUSTOMERS, [], 2
    for number, (bad, reason) in enumerate(BAD_CUSTOMERS):
        content += f"{bad}\ngood{number},g{number}@example.com,2026-01-01T00:00:00Z,UTC,1990-01-01,confirmed,\n"
        expected.append((line, reason))
        line += bad.count("\n") + 2
    (tmp_path / "customers.csv").write_text(content, encoding="utf-8", newline="")
    report = load(warehouse, tmp_path)
    assert rows(warehouse, "select line, reason from source.rejected order by line") == expected
    assert keys(warehouse, "customer", "customer_id") == {f"good{n}" for n in range(len(BAD_CUSTOMERS))}
    good = len(BAD_CUSTOMERS)
    assert report.feeds == {"customers": FeedCounts(read=2 * good, loaded=good, changed=good, rejected=good)}


def test_row_text_is_the_row_as_it_came(warehouse: Engine, tmp_path: Path) -> None:
    """The text set aside is the row as it came, over its lines; the detail holds no value of it."""
    bad = 'c1,"ann@example.com\nBcc: eve@example.com",2026-01-01T00:00:00Z,,,,Ann'
    (tmp_path / "customers.csv").write_text(CUSTOMERS + bad + "\n", encoding="utf-8")
    load(warehouse, tmp_path)
    assert rows(warehouse, "select feed, file, line, customer_id, detail, row_text from source.rejected") == [
        ("customers", "customers.csv", 2, "c1", "column email", bad)
    ]


def test_lines_in_another_encoding(warehouse: Engine, tmp_path: Path) -> None:
    """In a Latin-1 file, names that are not UTF-8 are set aside with their bytes spelled out. A row whose key is not
    UTF-8 is set aside too. The rest loads."""
    lines = [
        "c1,a@example.com,2026-01-01T00:00:00Z,,,,Ann", "c2,b@example.com,2026-01-01T00:00:00Z,,,,René",
        "é3,b@example.com,2026-01-01T00:00:00Z,,,,René",
    ]  # fmt: skip
    (tmp_path / "customers.csv").write_bytes((CUSTOMERS + "\n".join(lines)).encode("latin-1"))
    load(warehouse, tmp_path)
    assert rows(warehouse, "select customer_id, first_name from source.customer order by 1") == [
        ("c1", "Ann"), ("c2", None),
    ]
    assert rows(warehouse, "select line, reason, detail, is_loaded, row_text from source.rejected order by 1") == [
        (3, "not_utf8", "column first_name", True, "c2,b@example.com,2026-01-01T00:00:00Z,,,,Ren\\udce9"),
        (4, "not_utf8", "column customer_id", False, "\\udce93,b@example.com,2026-01-01T00:00:00Z,,,,Ren\\udce9"),
    ]


BAD_FILES = [
    ("orders.csv", b"order_id,ordered_at,total\no1,2026-01-01T00:00:00Z,1\n", "wrong_columns"),
    ("orders.csv", b"", "wrong_columns"),
    ("orders.csv", "order_id,customer_id,ordered_at,total\n".encode("utf-16") + b"o", "wrong_encoding"),
    ("orders.parquet", b"PAR1 is not enough", "unreadable_file"),
    ("orders.sql", b"select 'o1' as order_id", "sql_not_here"),
]


@pytest.mark.parametrize(("name", "content", "reason"), BAD_FILES)
def test_bad_file_is_refused_alone(
    warehouse: Engine, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    """A file that is wrong as a whole is named in source.rejected without a line; the other files load."""
    (tmp_path / name).write_bytes(content)
    view = "view_id,customer_id,viewed_at\nv1,c1,2026-01-01T00:00:00Z\n"
    (tmp_path / "page_views.csv").write_text(view)
    for _ in range(2):
        report = load(warehouse, tmp_path)
        assert report.refused_files == {name: reason}
        assert report.rejected == {"orders": 1, "page_views": 0}
    assert rows(warehouse, "select feed, file, line, reason, row_text from source.rejected") == [
        ("orders", name, None, reason, None)
    ]
    assert keys(warehouse, "page_view", "view_id") == {"v1"}


BAD_SELECTS = [
    (b"select * from no_such_table", "query_failed"),
    (b"delete from source.page_view returning view_id", "query_failed"),
    (b"select '\xe9'", "wrong_encoding"),
]


@pytest.mark.parametrize(("content", "reason"), BAD_SELECTS)
def test_bad_select_is_refused_alone(warehouse: Engine, tmp_path: Path, content: bytes, reason: str) -> None:
    """A SQL feed that is wrong is named in source.rejected without a line; the files of the folder load."""
    (tmp_path / "orders.sql").write_bytes(content)
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "page_views.csv").write_text(
        "view_id,customer_id,viewed_at\nv1,c1,2026-01-01T00:00:00Z\n"
    )
    for _ in range(2):
        report = load_feeds(warehouse, tmp_path / "feeds", link_secret="secret", now=NOW, sql_folder=tmp_path)
        assert report.refused_files == {"sql/feeds/orders.sql": reason}
        assert report.rejected == {"orders": 1, "page_views": 0}
    assert rows(warehouse, "select feed, file, line, reason, row_text from source.rejected") == [
        ("orders", "sql/feeds/orders.sql", None, reason, None)
    ]
    assert keys(warehouse, "page_view", "view_id") == {"v1"}


def test_file_that_breaks_half_way_leaves_nothing(warehouse: Engine, tmp_path: Path) -> None:
    """A Parquet file damaged behind its first rows is refused whole: no row of it stays."""
    table = pa.table({
        "view_id": [f"v{number}" for number in range(12_000)], "customer_id": ["c"] * 12_000,
        "viewed_at": pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 12_000, pa.timestamp("us", "UTC")),
    })
    path = tmp_path / "page_views.parquet"
    pq.write_table(table, path, row_group_size=4_000, compression="gzip", use_dictionary=False)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 500] = b"\0" * 500
    path.write_bytes(content)
    report = load(warehouse, tmp_path)
    assert report.refused_files == {"page_views.parquet": "unreadable_file"}
    assert keys(warehouse, "page_view", "view_id") == set()
    assert keys(warehouse, "customer_activity", "customer_id") == set()


def test_later_row_of_a_key_wins(warehouse: Engine, tmp_path: Path) -> None:
    """If rows of one file have one key, the last row that keeps the contract wins, and the earlier ones are set
    aside."""
    (tmp_path / "orders.csv").write_text(
        "order_id,customer_id,ordered_at,total\n"
        "o1,c1,2026-01-01T00:00:00Z,1\n"
        "o2,c1,2026-01-01T00:00:00Z,5\n"
        "o1,c1,2026-01-01T00:00:00Z,2\n"
        "o1,c1,2026-01-01T00:00:00Z,3\n"
        "o1,c1,2026-01-01T00:00:00Z,-4\n"
    )
    load(warehouse, tmp_path)
    assert rows(warehouse, "select order_id, total from source.orders order by 1") == [("o1", 3), ("o2", 5)]
    assert rows(warehouse, "select line, reason, customer_id, row_text from source.rejected order by 1") == [
        (2, "duplicate_key", "c1", "o1,c1,2026-01-01T00:00:00Z,1"),
        (4, "duplicate_key", "c1", "o1,c1,2026-01-01T00:00:00Z,2"),
        (6, "negative_total", "c1", "o1,c1,2026-01-01T00:00:00Z,-4"),
    ]


def test_setting_aside_twice_is_once(warehouse: Engine, tmp_path: Path) -> None:
    """Loading the same folder again adds nothing to what is set aside; a new bad row of the file is added."""
    path = tmp_path / "order_lines.csv"
    path.write_text("order_id,line_no,product_id,quantity,unit_price\no1,1,p,-1,1\no1,2,p,1,-1\no1,3,p,0,0\n")
    load(warehouse, tmp_path)
    before = rows(warehouse, "select * from source.rejected order by 1")
    again = load(warehouse, tmp_path)
    assert rows(warehouse, "select * from source.rejected order by 1") == before
    assert again.rejected == {"order_lines": 2}
    path.write_text(path.read_text() + "o1,4,p,inf,1\n")
    load(warehouse, tmp_path)
    assert rows(warehouse, "select line, reason from source.rejected order by 1") == [
        (2, "negative_quantity"), (3, "negative_price"), (5, "not_finite"),
    ]


def test_nul_and_surrogates_inside_json(warehouse: Engine, tmp_path: Path) -> None:
    """A row with escapes that PostgreSQL cannot store is set aside; the row next to it loads."""
    line = '{"action_id":"%s","customer_id":"c","kind":"%s","acted_at":"2026-01-01T00:00:00Z"}\n'
    (tmp_path / "lead_actions.ndjson").write_text(
        line % ("a1", "x\\u0000y") + line % ("a2", "\\ud800") + line % ("a3", "download ✓")
    )
    load(warehouse, tmp_path)
    assert rows(warehouse, "select action_id, kind from source.lead_action") == [("a3", "download ✓")]
    assert rows(warehouse, "select line, reason, detail from source.rejected order by 1") == [
        (1, "nul_byte", "column kind"), (2, "not_utf8", "column kind"),
    ]


def test_text_that_looks_like_an_end_of_copy(warehouse: Engine, tmp_path: Path) -> None:
    """Backslashes, quotes and a line of backslash and dot are text like any other."""
    text = 'a\n\\.\nb "c" \\N, \\'
    (tmp_path / "lead_actions.csv").write_text(
        "action_id,customer_id,kind,subject,acted_at\n"
        '"\\.",c,download,"' + text.replace('"', '""') + '",2026-01-01T00:00:00Z\n'
        "\\.,c,download,after,2026-01-01T00:00:00Z\n"
        "a2,c,download,after,2026-01-01T00:00:00Z\n"
    )
    load(warehouse, tmp_path)
    assert rows(warehouse, "select action_id, subject from source.lead_action order by 1 desc") == [
        ("a2", "after"), ("\\.", "after"),
    ]
    assert rows(warehouse, "select reason, line from source.rejected") == [("duplicate_key", 2)]


def test_offer_that_ends_before_it_starts(warehouse: Engine, tmp_path: Path) -> None:
    """An offer whose last instant is before its first is set aside; one of an instant loads."""
    (tmp_path / "offers.csv").write_text(
        "offer_code,valid_from,valid_until\n"
        "A,2026-01-02T00:00:00Z,2026-01-01T23:59:59Z\nB,2026-01-02T01:00:00+01:00,2026-01-02T00:00:00Z\n"
    )
    load(warehouse, tmp_path)
    assert rows(warehouse, "select line, reason from source.rejected") == [(2, "ends_before_start")]
    assert keys(warehouse, "offer", "offer_code") == {"B"}


def test_unknown_columns_and_files_are_warned_of_once(
    warehouse: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Columns and files that no feed knows are left alone, with one warning each that names them."""
    (tmp_path / "reviews.ndjson").write_text(
        '{"review_id":"r1","customer_id":"c","product_id":"p","rating":5,"reviewed_at":"2026-01-01T00:00:00Z",'
        '"b":1,"a":2}\n'
        '{"review_id":"r2","customer_id":"c","product_id":"p","rating":5,"reviewed_at":"2026-01-01T00:00:00Z",'
        '"a":2}\n'
    )
    (tmp_path / "custmers.csv").write_text("customer_id\n")
    report = load(warehouse, tmp_path)
    assert report.warnings == (
        "custmers.csv is not a feed file: it was ignored",
        "reviews.ndjson: columns that are not in the contract were left out: a, b",
    )
    warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warned == list(report.warnings)
    assert keys(warehouse, "review", "review_id") == {"r1", "r2"}


def test_missing_folder(warehouse: Engine, tmp_path: Path) -> None:
    """A folder that is not there is one readable line that says so."""
    with pytest.raises(FeedError, match=r"^the feeds folder .*/nowhere cannot be read: No such file") as error:
        load(warehouse, tmp_path / "nowhere")
    assert "\n" not in str(error.value)
    assert rows(warehouse, "select * from source.load") == []


def test_unreadable_file_after_all_others(warehouse: Engine, tmp_path: Path) -> None:
    """A file that cannot be opened is one readable line, after every other file was loaded."""
    (tmp_path / "customers.csv").mkdir()
    (tmp_path / "page_views.csv").write_text("view_id,customer_id,viewed_at\nv1,c1,2026-01-01T00:00:00Z\n")
    with pytest.raises(FeedError, match=r"^the feed file .*customers.csv cannot be read: Is a directory"):
        load(warehouse, tmp_path)
    assert keys(warehouse, "page_view", "view_id") == {"v1"}


def test_database_that_goes_away(warehouse: Engine, tmp_path: Path) -> None:
    """A connection lost during a load gives one readable line; the next load completes the work."""
    (tmp_path / "page_views.csv").write_text("view_id,customer_id,viewed_at\nv1,c1,2026-01-01T00:00:00Z\n")

    def cut(feed: str, done: int, total: int | None) -> None:
        with warehouse.connect() as connection:
            connection.execute(sa.text(
                "select pg_terminate_backend(pid) from pg_locks join pg_database on database = pg_database.oid "
                "where datname = current_database() and locktype = 'advisory' and pid <> pg_backend_pid()"
            ))

    with pytest.raises(DatabaseUnavailable, match=r"^the warehouse ended the load: .*Run it again") as error:
        load_feeds(warehouse, tmp_path, link_secret="secret", progress=cut)
    assert "\n" not in str(error.value)
    load(warehouse, tmp_path)
    assert keys(warehouse, "page_view", "view_id") == {"v1"}
