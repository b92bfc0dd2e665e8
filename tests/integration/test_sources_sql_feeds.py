"""SQL feeds: they come from the repository alone, are one select, and can do nothing but select."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import customer
from lifecycle_mail.errors import DatabaseUnavailable
from lifecycle_mail.sources import FeedCounts, LoadReport, load_feeds, queries

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
VIEW = "select 'v' as view_id, 'c' as customer_id, now() as viewed_at"
CHANGED = (
    "select view_id, customer_id, viewed_at from shop.view "
    "where changed_at >= cast(:since as timestamptz) order by view_id"
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder in the place of include/sql/feeds."""
    folder = tmp_path / "sql"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder where the shop's files lie."""
    made = tmp_path / "feeds"
    made.mkdir()
    return made


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """A warehouse with three page views of the user's own, changed at 9, 10 and 11 o'clock, and readable."""
    with warehouse.begin() as connection:
        connection.exec_driver_sql("create schema shop")
        connection.exec_driver_sql(
            "create table shop.view (view_id text, customer_id text, viewed_at timestamptz, changed_at timestamptz)"
        )
        connection.exec_driver_sql(
            "insert into shop.view select 'v' || n, 'c', '2026-11-01Z', '2026-11-21 00:00Z'::timestamptz + n * '1 h'"
            "::interval from generate_series(9, 11) as n"
        )
        connection.exec_driver_sql("grant usage on schema shop to lifecycle_segments")
        connection.exec_driver_sql("grant select on all tables in schema shop to lifecycle_segments")
    return warehouse


def load(warehouse: Engine, folder: Path, repository: Path, now: dt.datetime = NOW) -> LoadReport:
    return load_feeds(warehouse, folder, link_secret="secret", now=now, sql_folder=repository)


def rows(warehouse: Engine, query: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def views(warehouse: Engine) -> list[object]:
    return [name for (name,) in rows(warehouse, "select view_id from source.page_view order by view_id")]


@pytest.mark.parametrize("begin", ["", "select 'c' as customer_id; "])
def test_sql_in_the_folder_runs_nothing(warehouse: Engine, folder: Path, tmp_path: Path, begin: str) -> None:
    """A .sql file in the feeds folder is refused by name whatever it says, and the files next to it load."""
    mark = tmp_path / "mark"
    (folder / "customers.sql").write_text(
        f"{begin}commit; begin read write; create table public.mark (n int); commit; begin read write; "
        f"copy (select 1) to program 'touch {mark}'"
    )
    (folder / "page_views.csv").write_text("view_id,customer_id,viewed_at\nv1,c1,2026-01-01T00:00:00Z\n")
    report = load_feeds(warehouse, folder, link_secret="secret")
    assert rows(warehouse, "select to_regclass('public.mark')::text") == [(None,)]
    assert not mark.exists()
    assert report.refused_files == {"customers.sql": "sql_not_here"}
    assert report.warnings == (
        "customers.sql was refused: sql_not_here (a SQL feed is include/sql/feeds/customers.sql)",
    )
    assert rows(warehouse, "select feed, file, line, reason from source.rejected") == [
        ("customers", "customers.sql", None, "sql_not_here")
    ]
    assert views(warehouse) == ["v1"]


NOT_ONE_SELECT = {
    "drop table public.kept": "42P11",
    f"{VIEW}; drop table public.kept": "42P11",
    f"{VIEW}; {VIEW}": "42P11",
    "commit; begin read write; drop table public.kept": "42P11",
    f"{VIEW}; commit; begin read write; copy (select 1) to program 'touch /tmp/never'": "42P11",
    "": "42P11",
    "copy (select 1) to program 'touch /tmp/never'": "42P11",
    "do $$begin drop table public.kept; end$$": "42P11",
    "set role none": "42P11",
    "select n into public.taken from public.kept": "42P11",
    "lock table public.kept": "42P11",
    "explain analyze select 1": "0A000",
}
WRITES = {
    "with gone as (delete from public.kept returning n) select n as view_id from gone": "0A000",
    "insert into public.kept values (2) returning n": "0A000",
    "select n from public.kept for update": "0A000",
    "select nextval('public.counter')": "25006",
    "select public.write()": "25006",
}
LEAVES = {
    "select set_config('transaction_read_only', 'off', true)": "25001",
    "select set_config('role', 'none', true)": "42501",
    "select set_config('session_authorization', session_user, true)": "42501",
    "select public.leave()": "42501",
    "select pg_read_file('/etc/passwd')": "42501",
    "select query_to_xml('select pg_read_file(''/etc/passwd'')', true, true, '')": "42501",
    "select lo_export(1, '/tmp/never')": "42501",
    "select public.copy_out()": "42501",
    "select rolpassword from pg_authid": "42501",
    "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()": "42501",
    "select slots from message.message": "42501",
    "select row_text from source.rejected": "42501",
    "select n as view_id from kept": "42P01",
}


@pytest.fixture
def traps(warehouse: Engine) -> Engine:
    """A warehouse with a table, a sequence and functions that the role may use as far as it can."""
    with warehouse.begin() as connection:
        connection.exec_driver_sql("create table public.kept as select 1 as n; create sequence public.counter")
        connection.exec_driver_sql("grant all on public.kept to lifecycle_segments")
        connection.exec_driver_sql("grant all on sequence public.counter to lifecycle_segments")
        for name, body in {
            "write": "insert into public.kept values (2)",
            "leave": "set local role none",
            "copy_out": "copy (select 1) to program 'touch /tmp/never'",
        }.items():
            connection.exec_driver_sql(
                f"create function public.{name}() returns int language plpgsql as $$begin {body}; return 1; end$$"
            )
    return warehouse


@pytest.mark.parametrize("texts", [NOT_ONE_SELECT, WRITES, LEAVES], ids=["one_select", "read_only", "rights"])
def test_a_sql_feed_can_only_select(traps: Engine, folder: Path, repository: Path, texts: dict[str, str]) -> None:
    """Several statements, writing in any dress, and every way out of its rights are refused; the rest loads."""
    (folder / "page_views.csv").write_text("view_id,customer_id,viewed_at\nv1,c1,2026-01-01T00:00:00Z\n")
    said = {}
    for text in texts:
        (repository / "orders.sql").write_text(text)
        report = load(traps, folder, repository)
        assert report.refused_files == {"sql/feeds/orders.sql": "query_failed"}
        said[text] = re.search(r"SQLSTATE \w+", report.warnings[0])[0]  # type: ignore[index]
    assert said == {text: f"SQLSTATE {code}" for text, code in texts.items()}
    assert rows(traps, "select n from public.kept") == [(1,)]
    assert rows(traps, "select to_regclass('public.taken')::text, last_value from public.counter") == [(None, 1)]
    assert not Path("/tmp/never").exists()
    assert views(traps) == ["v1"]
    assert rows(traps, "select * from source.sql_feed") == []


def test_since_is_the_last_load(shop: Engine, folder: Path, repository: Path) -> None:
    """The first load reads all; the next reads what changed since the start of the last that took the feed."""
    path = repository / "page_views.sql"
    path.write_text(f"-- changes since :since\n{CHANGED};\n")
    at = [NOW.replace(hour=hour) for hour in (10, 12, 13)]
    first = load(shop, folder, repository, at[0])
    assert first.feeds == {"page_views": FeedCounts(read=3, loaded=3, changed=3)}
    assert first.warnings == ()
    assert rows(shop, "select feed, since from source.sql_feed") == [("page_views", at[0])]
    assert load(shop, folder, repository, at[1]).feeds["page_views"].read == 2
    path.write_text(f"{CHANGED}, no_such_column")
    assert load(shop, folder, repository, at[2]).refused_files == {"sql/feeds/page_views.sql": "query_failed"}
    assert rows(shop, "select feed, since from source.sql_feed") == [("page_views", at[1])]
    path.write_text(CHANGED)
    assert load(shop, folder, repository, at[2]).feeds["page_views"].read == 0
    assert views(shop) == ["v10", "v11", "v9"]


def test_since_stays_when_columns_are_wrong(shop: Engine, folder: Path, repository: Path) -> None:
    """A select without a required column, or with one twice, is refused whole and is read whole the next time."""
    for columns in ("view_id, customer_id", "view_id, view_id, customer_id, viewed_at"):
        (repository / "page_views.sql").write_text(f"select {columns} from shop.view")  # noqa: S608
        assert load(shop, folder, repository).refused_files == {"sql/feeds/page_views.sql": "wrong_columns"}
    assert rows(shop, "select * from source.sql_feed") == []


def test_a_refused_select_of_customers_is_read_for_its_opt_outs_and_again_next_time(
    shop: Engine, folder: Path, repository: Path
) -> None:
    """Opt-outs count even from a select without a required column. The mark of how far the feed was read does not
    move."""
    with shop.begin() as connection:
        customer(connection, "c", permission="confirmed")
    (repository / "customers.sql").write_text("select 'c' as customer_id, 'Unsubscribed' as permission")
    assert load(shop, folder, repository).refused_files == {"sql/feeds/customers.sql": "wrong_columns"}
    assert rows(shop, "select customer_id, permission from source.customer") == [("c", "withdrawn")]
    assert rows(shop, "select * from source.sql_feed") == []


def test_a_file_wins_over_the_select_of_its_feed(shop: Engine, folder: Path, repository: Path) -> None:
    """Both count; the select comes first, so a file's row of the same key wins. Feeds keep the contract's order."""
    (repository / "page_views.sql").write_text("select *, 'select' as topic from shop.view")
    (repository / "custmers.sql").write_text("select 1")
    (folder / "page_views.csv").write_text("view_id,customer_id,viewed_at,topic\nv9,c,2026-01-01T00:00:00Z,file\n")
    report = load(shop, folder, repository)
    assert rows(shop, "select view_id, topic from source.page_view order by 1") == [
        ("v10", "select"), ("v11", "select"), ("v9", "file"),
    ]  # fmt: skip
    assert report.feeds == {"page_views": FeedCounts(read=4, loaded=4, changed=4)}
    assert report.warnings == (
        "sql/feeds/custmers.sql has the name of no feed: it was ignored",
        "sql/feeds/page_views.sql: columns that are not in the contract were left out: changed_at",
    )


def test_values_of_every_kind_arrive_exactly(warehouse: Engine, folder: Path, repository: Path) -> None:
    """Numbers keep their digits, times their offset, texts every character; rows past a chunk keep their line."""
    (repository / "orders.sql").write_text(
        "select n as order_id, 'ß\"\\' || n as customer_id, timestamptz '2026-01-01 02:00+02' as ordered_at,\n"
        "    case when n = 5001 then 'Infinity' else 1234567890.1234 end as total, cast(null as text) as currency\n"
        "from generate_series(1, 5001) as n"
    )
    report = load(warehouse, folder, repository)
    assert report.feeds == {"orders": FeedCounts(read=5001, loaded=5000, changed=5000, rejected=1)}
    assert rows(warehouse, "select distinct total::text, ordered_at from source.orders") == [
        ("1234567890.1234", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    ]
    assert rows(warehouse, "select customer_id from source.orders where order_id = '7'") == [('ß"\\7',)]
    assert rows(warehouse, "select line, reason, customer_id from source.rejected") == [
        (5001, "not_finite", 'ß"\\5001')
    ]


def test_a_select_that_runs_too_long_is_ended(warehouse: Engine) -> None:
    """The text cannot lengthen its own time."""
    query = "select set_config('statement_timeout', '0', true), pg_sleep(30)"
    with pytest.raises(queries.FileRefused) as refused:
        list(queries.read_query(warehouse, query, queries.feeds()["page_views"], seconds=1))
    assert refused.value.detail == "SQLSTATE 57014: the select was cancelled, or took too long"


def test_nothing_of_the_session_stays(warehouse: Engine, folder: Path, repository: Path) -> None:
    """A lock the text takes and a setting it changes end with its connection."""
    (repository / "page_views.sql").write_text(
        f"{VIEW} from (select pg_advisory_lock(4242), set_config('work_mem', '64kB', false)) as taken"
    )
    load(warehouse, folder, repository)
    assert views(warehouse) == ["v"]
    assert rows(warehouse, "select count(*) from pg_locks where locktype = 'advisory' and objid = 4242") == [(0,)]
    assert rows(warehouse, "select current_setting('work_mem') = '64kB'") == [(False,)]


@pytest.fixture
def plain_owner(warehouse: Engine) -> Iterator[str]:
    """A user that may make no roles owns the function, as if it had run `migrate`."""
    name = f"plain_{os.getpid()}"
    with warehouse.begin() as connection:
        connection.exec_driver_sql(f"create role {name}; grant create on schema source to {name}")
        connection.exec_driver_sql(f"alter function source.read_feed(text, timestamptz) owner to {name}")
    yield name
    with warehouse.begin() as connection:
        connection.exec_driver_sql(f"drop owned by {name}; drop role {name}")


def test_another_reader_is_said(warehouse: Engine, folder: Path, repository: Path, plain_owner: str) -> None:
    """If the role could not be made, a load says in one line whose rights SQL feeds have, and reads them."""
    (repository / "page_views.sql").write_text(VIEW)
    [warning] = load(warehouse, folder, repository).warnings
    assert warning.startswith(f"SQL feeds are read with the rights of {plain_owner}: the role lifecycle_segments")
    assert views(warehouse) == ["v"]
    (repository / "page_views.sql").unlink()
    (folder / "page_views.csv").write_text("view_id,customer_id,viewed_at\n")
    assert load(warehouse, folder, repository).warnings == ()


def test_a_superuser_reads_no_sql_feed(warehouse: Engine, folder: Path, repository: Path) -> None:
    """If the function belongs to a superuser, whose functions reach files, SQL feeds are refused."""
    (repository / "page_views.sql").write_text(VIEW)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("alter function source.read_feed(text, timestamptz) owner to current_user")
    assert load(warehouse, folder, repository).refused_files == {"sql/feeds/page_views.sql": "unsafe_reader"}
    assert views(warehouse) == []


def test_nobody_else_may_read_by_the_function(warehouse: Engine) -> None:
    """The function lends the role's rights to the user of the warehouse alone."""
    assert rows(
        warehouse,
        "select bool_or(grantee = 0) from pg_proc, aclexplode(proacl) "
        "where oid = 'source.read_feed(text, timestamptz)'::regprocedure",
    ) == [(False,)]


def test_a_lost_connection_is_no_fault_of_the_feed(shop: Engine, folder: Path, repository: Path) -> None:
    """A connection lost during the select ends the load with one line; nothing is noted as refused."""
    (repository / "page_views.sql").write_text(f"{VIEW} from generate_series(1, 20000)")

    def cut(feed: str, done: int, total: int | None) -> None:
        with shop.connect() as connection:
            connection.execute(sa.text(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                "and query like '%FETCH%' and pid <> pg_backend_pid()"
            ))  # fmt: skip

    with pytest.raises(DatabaseUnavailable, match="the warehouse ended the load"):
        load_feeds(shop, folder, link_secret="secret", progress=cut, sql_folder=repository)
    assert rows(shop, "select * from source.rejected") == []
    assert views(shop) == []
