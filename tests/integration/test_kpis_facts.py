"""The list of KPI facts: the tables have its columns, the statements count by it, and a wrong line is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import NOON
from lifecycle_mail import database
from lifecycle_mail.database import SQL_FOLDER, run
from lifecycle_mail.errors import KpiError
from lifecycle_mail.kpis.facts import Fact, facts
from lifecycle_mail.kpis.goals import run_with_goals

KEY = {"day", "campaign", "step", "variant", "as_of"}
TODO = (
    "facts.sql and the tables differ: give kpi.step_outcome, kpi.campaign_daily and kpi.event_daily the column of each "
    "fact in include/sql/kpis/schema/tables.sql and in a new migration (CONTRIBUTING.md, Add a KPI fact)"
)


def test_the_tables_have_the_columns_of_the_list(warehouse: Engine) -> None:
    """Each fact has its day in step_outcome and its count in both daily tables, and no column is of no fact."""
    inspector = sa.inspect(warehouse)
    columns = {
        table: {column["name"] for column in inspector.get_columns(table, schema="kpi")}
        for table in ("step_outcome", "campaign_daily", "event_daily")
    }
    assert {name for name in columns["step_outcome"] if name.endswith("_day")} == {one.day for one in facts()}, TODO
    for table in ("campaign_daily", "event_daily"):
        assert columns[table] - KEY == {one.fact for one in facts()}, f"{table}: {TODO}"


def test_the_list_is_a_statement(warehouse: Engine) -> None:
    """The list runs as it stands, one row per judged step and fact, so that no line hides a misspelt column."""
    with warehouse.begin() as connection:
        run(connection, "kpis/create_touched")
        run(connection, "kpis/create_judged", now=NOON)
        run_with_goals(connection, "kpis/create_goal", now=NOON)
        step = "insert into kpi_judged (enrollment_id, step, state, first_seen_at) values (1, 'a', 'planned', now())"
        connection.exec_driver_sql(step)
        found = run(connection, "kpis/facts").all()
    assert [(row.fact, row.day_column, row.within) for row in found] == [(f.fact, f.day, f.whole) for f in facts()]
    assert {row.fact for row in found if row.happened_at} == {"planned"}


@pytest.fixture
def copied_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the list, which is read in its place."""
    copy = tmp_path / "kpis" / "facts.sql"
    copy.parent.mkdir()
    copy.write_text((SQL_FOLDER / "kpis" / "facts.sql").read_text())
    remembering = (database.statement, facts)
    with monkeypatch.context() as patch:
        patch.setattr(database, "SQL_FOLDER", tmp_path)
        for remembered in remembering:
            remembered.cache_clear()
        yield copy
    for remembered in remembering:
        remembered.cache_clear()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("('clickers', first_click_at),", "write each fact in a line as"),
        ("'readers', 'read_day', null, first_open_at,", "write each fact in a line as"),
        ("('openers', 'read_day', null, first_open_at),", "its fact or its day column is taken"),
        ("('readers', 'opened_day', null, first_open_at),", "its fact or its day column is taken"),
        ("('readers', 'read_day', 'complained', first_open_at),", "no fact above it is called complained"),
    ],
)
def test_a_wrong_line_is_refused(copied_list: Path, line: str, why: str) -> None:
    """A line that is no fact, a name that is taken, and a part above its whole are named, each with what to do."""
    before = "        ('clickers',"
    copied_list.write_text(copied_list.read_text().replace(before, f"        {line}\n{before}"))
    with pytest.raises(KpiError, match=re.escape(why)) as refused:
        facts()
    assert line.split(",")[0] in str(refused.value)


def test_a_fact_may_take_several_lines(copied_list: Path) -> None:
    """What does not fit in a line goes on in lines that are indented further."""
    before = "        ('clickers',"
    added = "        (\n            'readers', 'read_day', 'openers',\n            first_open_at\n        ),\n"
    copied_list.write_text(copied_list.read_text().replace(before, f"{added}{before}"))
    assert Fact("readers", "read_day", "openers", "first_open_at") in facts()
