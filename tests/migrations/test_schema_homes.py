"""include/sql/<stage>/schema says what the warehouse is: migrate leads there from everywhere."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from old_installations import bring_before_baseline, fill, kept
from sqlalchemy.engine import Engine

from builders import rows
from catalog import described
from lifecycle_mail import migrations, schema
from lifecycle_mail.database import SQL_FOLDER, execute_script
from lifecycle_mail.errors import SchemaOutOfDate
from lifecycle_mail.migrations import AT_BASELINE, migrate, require_migrated
from lifecycle_mail.schema import STAGES, definitions


def build_from_homes(warehouse: Engine) -> None:
    """Make the schemas from the texts of schema/ alone: tables, functions, views."""
    with warehouse.begin() as connection:
        connection.exec_driver_sql("set local check_function_bodies = off")
        for stage in STAGES:
            execute_script(connection, (SQL_FOLDER / stage / "schema" / "tables.sql").read_text(encoding="utf-8"))
        schema.apply_definitions(connection, lambda name: None)


def differences(one: Engine, other: Engine) -> list[str]:
    """Return what only one of the two has, by kind."""
    left, right = described(one), described(other)
    return [f"{kind}: {row}" for kind in left for row in sorted(left[kind] ^ right[kind], key=str)]


def test_baseline_and_migrations_lead_to_what_schema_says(make_empty: Callable[[], Engine]) -> None:
    """A migrated database equals one made from schema/: columns, keys, indexes, triggers, bodies, comments."""
    migrated, made = make_empty(), make_empty()
    migrate(migrated)
    build_from_homes(made)
    assert differences(migrated, made) == []


def test_the_comparison_sees_what_differs(make_empty: Callable[[], Engine]) -> None:
    """A column, an index, a function body and a comment that only one database has are all named."""
    plain, changed = make_empty(), make_empty()
    migrate(plain)
    migrate(changed)
    with changed.begin() as connection:
        connection.exec_driver_sql("alter table segment.refresh add column planted integer")
        connection.exec_driver_sql("create index planted_index on segment.refresh (refreshed_at)")
        connection.exec_driver_sql("comment on table segment.refresh is 'planted comment'")
        connection.exec_driver_sql(
            "create or replace function kpi.rate(numerator numeric, denominator numeric) returns numeric "
            "language sql immutable parallel safe as $$ select 1.0 $$"
        )
    found = differences(plain, changed)
    kinds = {kind for kind in ("columns", "indexes", "comments", "functions") if any(kind in one for one in found)}
    assert kinds == {"columns", "indexes", "comments", "functions"}


def test_an_installation_at_the_last_old_migration_is_at_the_baseline(make_empty: Callable[[], Engine]) -> None:
    """It goes on from there, ends where a new one ends, and a second run has nothing to do."""
    old, new = make_empty(), make_empty()
    bring_before_baseline(old, AT_BASELINE)
    with pytest.raises(SchemaOutOfDate):
        require_migrated(old)
    assert migrations.BASELINE not in migrate(old)
    migrate(new)
    assert differences(old, new) == []
    assert migrate(old) == []
    require_migrated(old)


def test_an_upgrade_loses_nothing(empty: Engine) -> None:
    """Every row of every table of the last old installation is there afterwards, with every value it had."""
    bring_before_baseline(empty, AT_BASELINE)
    fill(empty)
    before = kept(empty)
    assert [table for table, found in before.items() if len(found) < 2] == []
    migrate(empty)
    after = kept(empty)
    halfway = before.pop("decision.halfway")  # a row per campaign became its lane 0
    after["decision.progress"] += [
        {**row, "even_step_due_id": row["last_step_due_id"]} for row in after["decision.progress"] if row["lane"] == 0
    ]
    before["decision.progress"] += [{**row, "lane": 0} for row in halfway]
    for row in before["journey.upcoming"]:
        row.pop("position")  # the first run of the campaign awaits by name what is not noted yet
    for row in before["kpi.campaign_daily"] + before["kpi.event_daily"]:
        del row["revenue"], row["currency"]  # the tables of revenue have it, one row per currency
    for row in before["kpi.step_outcome"]:
        since, until = row["accepted_at"], row["goal_until"]
        row |= {"credit_since": since, "credit_until": until} if row.pop("takes_credit") else {"credit_since": None}
    lost = {
        table: [row for row in found if not any(row.items() <= now.items() for now in after[table])]
        for table, found in before.items()
    }
    assert {table: found for table, found in lost.items() if found} == {}


def test_an_installation_from_before_is_told_in_one_line_what_to_do(empty: Engine) -> None:
    """It is refused with where it stands, and nothing of it changes."""
    bring_before_baseline(empty, "0021_deciding_in_halves")
    before = described(empty)
    with pytest.raises(SchemaOutOfDate) as refused:
        migrate(empty)
    assert str(refused.value) == (
        "the warehouse is at migration 0021_deciding_in_halves, older than the baseline 0025_drops_of_who_left: "
        "run `migrate` of the last version that has that file first, then of this one"
    )
    assert described(empty) == before


def test_each_file_defines_the_one_object_it_is_called_after() -> None:
    """A file of functions/ or views/ begins to create just that, so that a reader finds it by its name."""
    wrong = []
    for one in definitions():
        kind = "view" if one.is_view else "function"
        created = re.findall(r"^create or replace (function|view) ([\w.]+)", one.text, re.MULTILINE)
        if created != [(kind, one.name)]:
            wrong.append(one.file)
    assert wrong == []


def test_every_function_and_view_of_the_database_has_its_file(warehouse: Engine) -> None:
    """No function or view stands in the schemas that no file defines."""
    found = described(warehouse)
    names = {row[0].split("(")[0] for row in found["functions"]} | {row[0] for row in found["views"]}
    assert names == {one.name for one in definitions()}


def test_migrations_change_tables_only() -> None:
    """No migration creates a function, view or trigger that stays: their texts live in schema/."""
    pattern = re.compile(r"^\s*create (or replace )?(function|view|trigger) (?!pg_temp\.)", re.MULTILINE)
    wrong = [file.name for file in migrations.migration_files() if pattern.search(file.read_text(encoding="utf-8"))]
    assert wrong == []


@pytest.fixture
def sql_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of include/sql whose schema/ files the test may change."""
    copy = tmp_path / "sql"
    shutil.copytree(SQL_FOLDER, copy)
    monkeypatch.setattr(schema, "SQL_FOLDER", copy)
    return copy


RATE = "kpis/schema/functions/rate"
RATES = "kpis/schema/views/campaign_rates"
SUMMARY = "kpis/schema/views/campaign_summary"


def edit(copy: Path, file: str, old: str, new: str) -> None:
    """Replace the one place of `old` in a file."""
    path = copy / f"{file}.sql"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_only_files_whose_text_changed_are_applied(warehouse: Engine, sql_copy: Path) -> None:
    """A changed body replaces the one before; the other files are left alone; commands refuse until then."""
    (sql_copy / f"{RATE}.sql").write_text(
        "-- Always a half.\ncreate or replace function kpi.rate(numerator numeric, denominator numeric)\n"
        "returns numeric language sql immutable parallel safe as $$ select 0.5 $$;\n",
        encoding="utf-8",
    )
    with pytest.raises(SchemaOutOfDate, match="first kpis/schema/functions/rate: run"):
        require_migrated(warehouse)
    assert migrate(warehouse) == [RATE]
    require_migrated(warehouse)
    with warehouse.connect() as connection:
        assert rows(connection, "select kpi.rate(1, 4)") == [(0.5,)]


def test_a_view_that_cannot_be_replaced_comes_back_with_its_readers_and_grants(
    warehouse: Engine, sql_copy: Path
) -> None:
    """A table loses a column: our view that reads it is dropped and made again, and keeps its grants."""
    with warehouse.begin() as connection:
        connection.exec_driver_sql("do $$ begin create role reading_kpis; exception when others then null; end $$")
        connection.exec_driver_sql("grant select on kpi.list_growth, kpi.campaign_rates to reading_kpis")
    path = sql_copy / "kpis/schema/views/narrow.sql"
    path.write_text("create or replace view kpi.narrow as select 1 as one, 2 as two;\n", encoding="utf-8")
    reader = sql_copy / "kpis/schema/views/aaa_reader.sql"
    reader.write_text("create or replace view kpi.aaa_reader as select narrow.two from kpi.narrow;\n", encoding="utf-8")
    assert set(migrate(warehouse)) == {"kpis/schema/views/narrow", "kpis/schema/views/aaa_reader"}
    with warehouse.begin() as connection:
        connection.exec_driver_sql("grant select on kpi.narrow to reading_kpis with grant option")
        connection.exec_driver_sql("grant select on kpi.aaa_reader to public")
    path.write_text("create or replace view kpi.narrow as select 2 as two;\n", encoding="utf-8")
    assert migrate(warehouse) == ["kpis/schema/views/narrow"]
    with warehouse.connect() as connection:
        held = rows(
            connection,
            "select table_name, grantee, is_grantable from information_schema.role_table_grants "
            "where table_schema = 'kpi' and grantee in ('reading_kpis', 'PUBLIC') order by table_name",
        )
        assert rows(connection, "select * from kpi.aaa_reader") == [(2,)]
    assert held == [
        ("aaa_reader", "PUBLIC", "NO"),
        ("campaign_rates", "reading_kpis", "NO"),
        ("list_growth", "reading_kpis", "NO"),
        ("narrow", "reading_kpis", "YES"),
    ]


def test_a_view_of_the_team_is_named_and_nothing_is_changed(warehouse: Engine, sql_copy: Path) -> None:
    """A view that is not ours and reads what must be dropped stops the change, by name."""
    path = sql_copy / "kpis/schema/views/narrow.sql"
    path.write_text("create or replace view kpi.narrow as select 1 as one, 2 as two;\n", encoding="utf-8")
    migrate(warehouse)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("create schema team")
        connection.exec_driver_sql("create view team.board as select two from kpi.narrow")
    path.write_text("create or replace view kpi.narrow as select 2 as two;\n", encoding="utf-8")
    with pytest.raises(SchemaOutOfDate) as refused:
        migrate(warehouse)
    assert str(refused.value) == (
        "the view team.board reads what this version changes: keep its text, drop it, run `migrate`, "
        "and create it again"
    )
    with warehouse.connect() as connection:
        assert rows(connection, "select * from kpi.narrow") == [(1, 2)]
        assert rows(connection, "select * from team.board") == [(2,)]


def test_a_function_with_other_arguments_takes_the_place_of_the_former(warehouse: Engine, sql_copy: Path) -> None:
    """No former overload stays behind, even if a view read it."""
    rate = sql_copy / f"{RATE}.sql"
    rate.write_text(
        "create or replace function kpi.rate(numerator numeric, denominator bigint) returns numeric\n"
        "language sql immutable parallel safe as $$ select numerator / nullif(denominator, 0) $$;\n",
        encoding="utf-8",
    )
    with pytest.raises(SchemaOutOfDate, match=r"views/campaign_goal\.sql: function kpi\.rate\(.* does not exist"):
        migrate(warehouse)
    for file in (sql_copy / "kpis/schema/views").glob("*.sql"):
        text = re.sub(r"kpi\.rate\(([^()]*(?:\([^()]*\)[^()]*)*)\)", "null::numeric", file.read_text(encoding="utf-8"))
        file.write_text(text, encoding="utf-8")
    assert RATE in migrate(warehouse)
    with warehouse.connect() as connection:
        found = rows(
            connection, "select cast(cast(oid as regprocedure) as text) from pg_proc where proname = 'rate'"
        )
    assert found == [("kpi.rate(numeric,bigint)",)]


def test_what_has_no_file_any_more_is_dropped(warehouse: Engine, sql_copy: Path) -> None:
    """A view and a function go with their files; one that a view still reads is refused by name."""
    (sql_copy / "kpis/schema/views/list_growth.sql").unlink()
    migrate(warehouse)
    with warehouse.connect() as connection:
        assert rows(connection, "select to_regclass('kpi.list_growth') is null") == [(True,)]
    (sql_copy / f"{RATE}.sql").unlink()
    with pytest.raises(SchemaOutOfDate, match=r"views/campaign_goal\.sql: function kpi\.rate\(.* does not exist"):
        migrate(warehouse)


def test_a_dropped_view_is_made_again(warehouse: Engine) -> None:
    """require_migrated misses a view that an operator dropped by hand, and migrate brings it back."""
    with warehouse.begin() as connection:
        connection.exec_driver_sql("drop view kpi.list_growth")
    with pytest.raises(SchemaOutOfDate):
        require_migrated(warehouse)
    assert migrate(warehouse) == ["kpis/schema/views/list_growth"]


def test_a_wrong_text_is_refused_with_its_file_and_changes_nothing(warehouse: Engine, sql_copy: Path) -> None:
    """The broken file is named, and none of several changed files is applied."""
    edit(sql_copy, SUMMARY, "create or replace view", "create or replace vieww")
    edit(sql_copy, "kpis/schema/functions/wilson", "immutable", "stable")
    before = described(warehouse)
    with pytest.raises(SchemaOutOfDate, match="nothing was changed"):
        migrate(warehouse)
    assert described(warehouse) == before


def test_a_busy_view_is_waited_for_briefly(
    warehouse: Engine, sql_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long report keeps migrate from replacing its view: it says so, and has changed nothing."""
    monkeypatch.setattr(schema, "LOCK_TIMEOUT", "200ms")
    edit(sql_copy, RATES, "create or replace view", "-- Changed.\ncreate or replace view")
    with warehouse.connect() as report, report.begin():
        report.exec_driver_sql("select * from kpi.campaign_rates")
        with pytest.raises(SchemaOutOfDate, match="in use for longer than 200ms: nothing was changed"):
            migrate(warehouse)
    assert migrate(warehouse) == [RATES]
