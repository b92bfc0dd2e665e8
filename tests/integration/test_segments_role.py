"""Segments are read with the rights of lifecycle_segments: what a file may not do, what it may, and for how long."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import customer, order
from lifecycle_mail import database
from lifecycle_mail.database import SQL_FOLDER, run, run_with
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.migrations import migrate
from lifecycle_mail.segments import Limits, copy_members_ahead, evaluation, limited, members, refresh, registry, size

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HEADER = """\
-- segment: {name}
-- what: a segment of this test
-- grain: customer_id, occurrence
-- parameter: days: integer, days of 24 hours, default 1, 0 to 30, nothing
-- look-back: none
-- ahead: days
"""
SELECT = """\
select
    c.customer_id,
    cast({occurrence} as text) as occurrence,
    cast(:as_of as timestamptz) as occurred_at,
    jsonb_build_object('days', cast(:days as integer)) as context
from source.customer as c
"""
Write = Callable[[str], str]
_numbers = count(1)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Put a segment file with this text below its header in the repository's place; return the segment's name."""
    folder = tmp_path / "sql"
    folder.mkdir()
    for stage in SQL_FOLDER.iterdir():
        if stage.name != "segments":
            (folder / stage.name).symlink_to(stage)
    shutil.copytree(SQL_FOLDER / "segments", folder / "segments")
    monkeypatch.setattr(database, "SQL_FOLDER", folder)
    monkeypatch.setattr(registry, "SEGMENTS_FOLDER", folder / "segments")

    def written(text: str) -> str:
        name = f"trap_{next(_numbers)}"
        (folder / "segments" / f"{name}.sql").write_text(HEADER.format(name=name) + text)
        return name

    return written


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """Three customers, and things that a file could want to reach."""
    with warehouse.begin() as connection:
        for key, days in (("A", 100), ("B", 95), ("C", 50)):
            customer(connection, key, email=f"{key}@example.com")
            order(connection, f"O{key}", key, NOON - days * DAY)
        for setting_up in TRAPS:
            connection.exec_driver_sql(setting_up)
    return warehouse


TRAPS = (
    "create table public.kept as select 1 as n",
    "create sequence public.counter",
    "grant all on public.kept to public",
    "grant all on sequence public.counter to public",
    "create function public.write() returns int language plpgsql as $$begin insert into public.kept values (2);"
    " return 1; end$$",
    "create function public.writes(a int, b int) returns int language plpgsql as $$begin insert into public.kept"
    " values (2); return 1; end$$",
    "create operator public.=+= (function = public.writes, leftarg = int, rightarg = int)",
    "create aggregate public.adding (int) (sfunc = public.writes, stype = int, initcond = '0')",
    "create function public.lent() returns text language plpgsql stable security definer as $$begin return"
    " (select string_agg(rolname, ',') from pg_authid); end$$",
    "create function public.lower_case(t text) returns text language sql immutable as 'select lower(t)'",
)
CALLS = {
    "set_config('role', 'none', true)": "pg_catalog.set_config",
    "set_config('synchronous_commit', 'off', false)": "pg_catalog.set_config",
    "current_setting('data_directory')": "pg_catalog.current_setting",
    "pg_read_file('/etc/passwd')": "pg_read_file",
    "(select min(f) from pg_ls_dir('/etc') as f)": "pg_ls_dir",
    "(select size from pg_stat_file('/etc/passwd'))": "pg_stat_file",
    "lo_export(1, '/tmp/never')": "lo_export",
    "lo_create(0)": "pg_catalog.lo_create",
    "lo_from_bytea(0, 'x')": "pg_catalog.lo_from_bytea",
    "query_to_xml('select 1', true, true, '')": "pg_catalog.query_to_xml",
    "database_to_xml(true, true, '')": "pg_catalog.database_to_xml",
    "pg_sleep(30)": "pg_catalog.pg_sleep",
    "pg_advisory_lock(4242)": "pg_catalog.pg_advisory_lock",
    "pg_notify('a', 'b')": "pg_catalog.pg_notify",
    "pg_terminate_backend(1)": "pg_catalog.pg_terminate_backend",
    "pg_cancel_backend(1)": "pg_catalog.pg_cancel_backend",
    "nextval('public.counter')": "pg_catalog.nextval",
    "setval('public.counter', 7)": "pg_catalog.setval",
    "(select count(*) from ts_stat('select ''a''::tsvector'))": "pg_catalog.ts_stat",
    "random()": "pg_catalog.random",
    "public.write()": "public.write",
    "(1 operator(public.=+=) 2)": "public.writes",
    "(select public.adding(n) from generate_series(1, 2) as n)": "public.adding",
    "(select sum(n) filter (where public.write() > 0) over () from generate_series(1, 1) as n)": "public.write",
    "(select n from generate_series(1, public.write()) as n order by public.write() limit 1)": "public.write",
    "public.lent()": "public.lent",
    "public.lower_case(c.customer_id)": "public.lower_case",
    "(select x from segment.read_select('select 1') as found (x int))": "segment.read_select",
    "(select min(x) from source.read_feed('select 1', now()) as x)": "source.read_feed",
    "installation.grant_roles()": "grant_roles",
}


def test_a_file_calls_no_function_that_changes_or_reaches_something(shop: Engine, write: Write) -> None:
    """PostgreSQL says which functions a select names, whatever its text looks like: operators, aggregates, `order by`.
    They are refused before anything runs, some already by the role's rights."""
    said = {}
    for call in CALLS:
        with pytest.raises(SegmentError) as caught:
            refresh(shop, write(SELECT.format(occurrence=call)), NOON)
        said[call] = re.search(r"uses ([^:]+): a segment may|permission denied for function (\w+)", str(caught.value))
    assert {call: refused and (refused[1] or refused[2]) for call, refused in said.items()} == CALLS
    assert_untouched(shop)


def test_each_door_looks_at_the_select(shop: Engine, write: Write) -> None:
    """Wherever a segment is asked, its select is looked at before it runs."""
    name = write(SELECT.format(occurrence="set_config('synchronous_commit', 'off', false)"))
    for said in (
        refused_by(first_of, shop, name),
        refused_by(size, shop, name, NOON),
        refused_by(refresh, shop, name, NOON),
        refused_by(ahead, shop, name),
    ):
        assert f"segment {name} uses pg_catalog.set_config: " in said
    with pytest.raises(SegmentError, match=r"uses pg_catalog\.set_config"):
        refresh(shop, name, NOON, late=True)
    assert_untouched(shop)


def ahead(shop: Engine, name: str) -> int:
    with shop.begin() as connection:
        return copy_members_ahead(connection, "ahead", name, {}, NOON, 1, "select 'A'")


def assert_untouched(shop: Engine) -> None:
    with shop.connect() as connection:
        query = "select (select array_agg(n) from public.kept), (select last_value from public.counter where is_called)"
        assert connection.exec_driver_sql(query).one() == ([1], None)
        assert connection.exec_driver_sql("select count(*) from segment.membership").scalar_one() == 0
        assert connection.exec_driver_sql("select count(*) from pg_largeobject_metadata").scalar_one() == 0
        assert connection.exec_driver_sql("show synchronous_commit").scalar_one() != "local"
        locks = "select count(*) from pg_locks where locktype = 'advisory' and objid = 4242"
        assert connection.exec_driver_sql(locks).scalar_one() == 0
    assert not Path("/tmp/never").exists()


def test_a_file_reads_only_what_segments_need(shop: Engine, write: Write) -> None:
    """Mails, the holders of codes, decisions, raw events, refused rows and the server's secrets stay closed."""
    closed = {
        "(select slots from message.message limit 1)": "table message",
        "(select min(customer_id) from message.offer_code)": "table offer_code",
        "(select min(attempt_id) from delivery.attempt)": "schema delivery",
        "(select min(reason) from decision.decision)": "schema decision",
        "(select min(campaign) from journey.enrollment)": "schema journey",
        "(select min(segment) from segment.size_daily)": "table size_daily",
        "(select min(cast(raw as text)) from event.event)": "table event",
        "(select min(address) from event.event)": "table event",
        "(select min(address) from event.suppression)": "table suppression",
        "(select min(row_text) from source.rejected)": "table rejected",
        "(select min(encode(address_hash, 'hex')) from source.erased_address)": "table erased_address",
        "(select min(name) from installation.migration)": "table migration",
        "(select min(rolpassword) from pg_authid)": "table pg_authid",
        "(select n from public.kept for update)": "table kept",
    }
    with shop.begin() as connection:
        connection.exec_driver_sql("revoke all on public.kept from public; grant select on public.kept to public")
    said = {}
    for expression in closed:
        name = write(SELECT.format(occurrence=expression))
        with pytest.raises(SegmentError) as caught:
            refresh(shop, name, NOON)
        said[expression] = re.search(r"permission denied for (schema \w+|table \w+)", str(caught.value))[1]  # type: ignore[index]
        assert "lifecycle_segments may not use it" in str(caught.value)
    assert said == closed


DELETES = "delete from public.kept returning n"
INSERTS = "insert into public.kept values (2) returning n"


def test_what_a_file_says_is_one_select(shop: Engine, write: Write) -> None:
    """Several statements, a way out of the brackets around the select, writing and copying are refused."""
    ends = "select 'A' as customer_id, 'o' as occurrence, cast(:as_of as timestamptz) as occurred_at, "
    whole = ends + "jsonb_build_object('d', cast(:days as int)) as context"
    again = "select * from (select 1 as n"
    texts = {
        whole + "; drop table public.kept": "syntax error",
        whole + ") as member; drop table public.kept; " + again: "multi-query plan",
        whole + ") as member; commit; drop table public.kept; " + again: "multi-query plan",
        f"with gone as ({DELETES}) {whole}": "WITH clause containing a data-modifying statement",
        f"with gone as ({INSERTS}) {whole}": "WITH clause containing a data-modifying statement",
        "copy (" + whole + ") to program 'touch /tmp/never'": "syntax error",
        whole + " into public.taken": "SELECT ... INTO is not allowed here",
        whole + " from public.kept for update": "not allowed in a non-volatile function",
    }
    for text, reason in texts.items():
        name = write(text)
        assert reason in refused_by(refresh, shop, name, NOON)
        assert reason in refused_by(size, shop, name, NOON)
    assert_untouched(shop)


RIGHTS = {
    "select set_config('role', 'none', true)": "42501",
    "select set_config('session_authorization', session_user, true)": "42501",
    "insert into source.load default values returning load_id": "0A000",
    "create table source.mine as select 1": "42601",
    "select lo_export(1, '/tmp/never')": "42501",
    "select pg_read_file('/etc/passwd')": "42501",
    "select query_to_xml('select pg_read_file(''/etc/passwd'')', true, true, '')::text": "42501",
    "select slots from message.message": "42501",
    "select public.write_load()": "42501",
    "select customer_id from customer": "42P01",
}


def test_the_role_itself_can_only_select(shop: Engine) -> None:
    """Also a text that nothing looked into can do nothing else: the rights are those of the role."""
    with shop.begin() as connection:
        connection.exec_driver_sql(
            "create function public.write_load() returns text language plpgsql as "
            "$$begin insert into source.load default values; return 'x'; end$$"
        )
    said = {}
    for query in RIGHTS:
        read = sa.text("select * from segment.read_select(:query) as found (x text)").bindparams(query=query)
        with pytest.raises(sa.exc.DBAPIError) as caught, shop.connect() as connection:
            connection.execute(read)
        said[query] = getattr(caught.value.orig, "pgcode", None)
    assert said == RIGHTS


PARALLEL = """
set local min_parallel_table_scan_size = 0; set local parallel_setup_cost = 0; set local parallel_tuple_cost = 0;
set local max_parallel_workers_per_gather = 2"""
LAUNCHED = """
select pg_stat_force_next_flush(), parallel_workers_launched from pg_stat_database
where datname = current_database()"""


def test_several_processes_read_a_segment(shop: Engine) -> None:
    """The role's function reads with parallel workers, also for an insert; PostgreSQL counts them from 18 on."""
    launched = []
    for _ in range(2):
        with shop.begin() as connection:
            if connection.dialect.server_version_info < (18,):  # type: ignore[operator]
                pytest.skip("this server does not count parallel workers")
            launched.append(connection.exec_driver_sql(LAUNCHED).one().parallel_workers_launched)
            connection.exec_driver_sql(PARALLEL)
            read = "select n from segment.read_select('select count(*) from source.orders') as found (n bigint)"
            connection.exec_driver_sql(f"insert into public.kept {read}")
            connection.exec_driver_sql("select pg_stat_force_next_flush()")
    assert launched[1] > launched[0]


def test_a_function_may_be_granted_by_name(shop: Engine, write: Write) -> None:
    """The team's own function may be called once it is granted to the role; one with rights of its own never."""
    own = write(SELECT.format(occurrence="public.lower_case(c.customer_id)"))
    lent = write(SELECT.format(occurrence="public.lent()"))
    with shop.begin() as connection:
        connection.exec_driver_sql("grant execute on function public.lower_case(text) to lifecycle_segments")
        connection.exec_driver_sql("grant execute on function public.lent() to lifecycle_segments")
    assert [one.occurrence for one in members(shop, own, NOON)] == ["a", "b", "c"]
    with pytest.raises(SegmentError, match=r"uses public\.lent"):
        size(shop, lent, NOON)
    with shop.begin() as connection:
        connection.exec_driver_sql("revoke execute on function public.lower_case(text) from lifecycle_segments")
    with pytest.raises(SegmentError, match=r"uses public\.lower_case"):
        size(shop, own, NOON)


LINE = len(HEADER.splitlines())  # what stands above the select
WRONG = {
    "c.no_such": (3, "column c.no_such does not exist (SQLSTATE 42703)"),
    "lower(1)": (3, "function lower(integer) does not exist (SQLSTATE 42883)"),
    "1 +": (3, 'syntax error at or near "as" (SQLSTATE 42601)'),
    "cast('zoe' as integer)": (3, "invalid input syntax for type integer: <value> (SQLSTATE 22P02)"),
    "(select n from kept)": (3, 'relation "kept" does not exist (SQLSTATE 42P01)'),
    "(\n-- a comment\n\n select n\n from public.none)": (7, 'relation "public.none" does not exist (SQLSTATE 42P01)'),
    "1 / (select count(*) from source.load where load_id < 0)": (None, "division by zero (SQLSTATE 22012)"),
    "cast(c.email as integer)": (None, "invalid input syntax for type integer: <value> (SQLSTATE 22P02)"),
    "(select customer_id from source.customer)": (None, "more than one row returned by a subquery"),
}  # fmt: skip


def test_an_error_of_sql_names_file_and_line(shop: Engine, write: Write) -> None:
    """One line says where the file is wrong and why, without a value; the server tells no line of a row's value."""
    for occurrence, (line, reason) in WRONG.items():
        name = write(SELECT.format(occurrence=occurrence))
        place = f"include/sql/segments/{name}.sql" + (f", line {LINE + line}" if line else "")
        for refused in (refused_by(refresh, shop, name, NOON), refused_by(first_of, shop, name)):
            assert refused.startswith(f"{place}: {reason}")
            assert not any(hidden in refused for hidden in ("\n", "example.com", "zoe"))


def refused_by(door: Callable[..., object], *given: object) -> str:
    with pytest.raises(SegmentError) as caught:
        door(*given)
    return str(caught.value)


def first_of(shop: Engine, name: str) -> object:
    return next(members(shop, name, NOON))


def test_a_column_of_another_type_is_named(shop: Engine, write: Write) -> None:
    """A segment whose columns have other types than a segment's is refused with the column and the type."""
    text = SELECT.replace("cast({occurrence} as text)", "cast(7 as bigint)")
    with pytest.raises(SegmentError, match="gives occurrence as bigint: cast it to text"):
        refresh(shop, write(text), NOON)


def test_the_same_occurrence_twice_is_the_files_fault(shop: Engine, write: Write) -> None:
    """Rows that come twice are refused in one line, and nothing is kept."""
    name = write(SELECT.format(occurrence="'o'") + "cross join generate_series(1, 2) as n")
    with pytest.raises(SegmentError, match="a customer and occurrence may come once"):
        refresh(shop, name, NOON)
    assert_untouched(shop)


def test_many_customers_are_asked_ahead_by_a_table(
    shop: Engine, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond some customers, those asked for stand in a temporary table, which the role may read."""
    name, found = write(SELECT.format(occurrence="'o'")), {}
    for few in (20_000, 1):
        monkeypatch.setattr(evaluation, "_FEW", few)
        with shop.begin() as connection:
            asked = "select customer_id from source.customer"
            copy_members_ahead(connection, "ahead", name, {}, NOON, 1, asked)
            found[few] = connection.exec_driver_sql("select customer_id, occurrence from ahead order by 1").all()
    assert found[1] == found[20_000] == [("A", "o"), ("B", "o"), ("C", "o")]


def test_an_error_of_another_named_statement_says_file_and_line(warehouse: Engine) -> None:
    """Also statements that are put together of several files tell which of them is wrong."""
    place = r"include/sql/journeys/add_ahead\.sql, line 5: relation \"entrant\""
    with pytest.raises(sa.exc.DBAPIError, match=place), warehouse.connect() as connection:
        run(connection, "journeys/add_ahead", about=[], as_of=NOON, reenter_after_days=1, campaign="c")
    place = r"include/sql/journeys/exits/activity\.sql, line 24: column page_view\.customer_id does not exist"
    given = {"campaign": "c", "topic": "t", "as_of": NOON, "goal_facts": [], "customer_id": None}
    words = {"exit_words": ("journeys/exits/order", "journeys/exits/activity")}
    with warehouse.connect() as connection:
        connection.exec_driver_sql("alter table source.page_view rename column customer_id to who")
        with pytest.raises(sa.exc.DBAPIError, match=place):
            run_with(connection, "journeys/first_exit", words, **given)


def test_a_segment_that_takes_too_long_is_stopped(shop: Engine, write: Write) -> None:
    """The time of a statement is limited, the text cannot lengthen it, and what follows has its own time again."""
    slow = "where (select count(*) from generate_series(1, 10000000) as n where n <> length(c.customer_id)) > 1"
    name = write(SELECT.format(occurrence="'o'") + slow)
    limited(shop, Limits(seconds=0.4))
    for door, *given in ((refresh, shop, name, NOON), (size, shop, name, NOON), (first_of, shop, name)):
        said = refused_by(door, *given)
        assert said.startswith(f"segment {name} took longer than 0.4 s and was stopped: ")
        assert "LIFECYCLE_SEGMENT_SECONDS" in said
    assert size(shop, "inactive", NOON) == 2
    with shop.begin() as connection:
        copy_members_ahead(connection, "ahead", "replenishment_due", {}, NOON, 1, "select 'A'")
        assert connection.exec_driver_sql("show statement_timeout").scalar_one() == "0"


def test_a_segment_that_costs_too_much_does_not_run(shop: Engine, write: Write) -> None:
    """The planner's cost is asked before the select runs; the error names segment, cost, limit and setting."""
    name = write(SELECT.format(occurrence="'o'") + MANY)
    limited(shop, Limits(seconds=5))
    said = r"e\+\d+ by the planner's estimate, and the limit is 1e\+09: .*, or raise LIFECYCLE_SEGMENT_COST$"
    assert re.search(said, refused_by(size, shop, name, NOON))
    assert refused_by(size, shop, name, NOON).startswith(f"segment {name} would cost ")
    limited(shop, Limits(cost=1))
    with pytest.raises(SegmentError, match="the limit is 1: "):
        refresh(shop, "inactive", NOON)


MANY = """where exists (
    select count(*) from generate_series(1, 1000000) as b cross join generate_series(1, 1000000) as d
    having count(*) > 1
)"""


@pytest.fixture
def without_role(shop: Engine) -> Iterator[str]:
    """A user that may make no roles owns the functions, as if it had run `migrate`."""
    name = f"plain_{os.getpid()}"
    schemas = "schema source, segment, event"
    with shop.begin() as connection:
        connection.exec_driver_sql(
            f"create role {name}; grant select on all tables in {schemas} to {name}; "
            f"grant usage, create on {schemas} to {name}"
        )
        own(connection, name)
    yield name
    with shop.begin() as connection:
        connection.exec_driver_sql(f"drop owned by {name} cascade; drop role {name}")


def own(connection: Connection, role: str) -> None:
    for function in ("segment.read_select(text)", "segment.weigh_select(text, boolean)"):
        connection.exec_driver_sql(f"alter function {function} owner to {role}")


def test_a_superuser_reads_no_segment(shop: Engine) -> None:
    """If the functions belong to a superuser, whose functions reach files, nothing is read until `migrate` ran."""
    with shop.begin() as connection:
        own(connection, "current_user")
    with pytest.raises(SegmentError, match=r"belongs to a superuser. Run `migrate`"):
        refresh(shop, "inactive", NOON)
    migrate(shop)
    assert refresh(shop, "inactive", NOON).entered == 2


def test_another_reader_is_said(
    shop: Engine, write: Write, without_role: str, caplog: pytest.LogCaptureFixture
) -> None:
    """If the role could not be made, segments are read with the rights of that user, and a line says what to do."""
    assert size(shop, write(SELECT.format(occurrence="'o'")), NOON) == 3
    assert f"segments are read with the rights of {without_role}: the role lifecycle_segments is missing" in caplog.text


def test_migrate_renews_grants(shop: Engine) -> None:
    """What the role lost, it has again after `migrate`; the functions lend its rights to the warehouse's user alone."""
    with shop.begin() as connection:
        connection.exec_driver_sql("revoke all on all tables in schema source, segment, event from lifecycle_segments")
    with pytest.raises(SegmentError, match="permission denied"):
        size(shop, "inactive", NOON)
    migrate(shop)
    assert size(shop, "inactive", NOON) == 2
    with shop.connect() as connection:
        query = (
            "select bool_or(grantee = 0) from pg_proc, aclexplode(proacl) where oid = any(array["
            "'segment.read_select(text)', 'segment.weigh_select(text, boolean)']::regprocedure[])"
        )
        assert connection.exec_driver_sql(query).scalar_one() is False
