"""What the pages ask a reader to do is done here: their files are written, their commands and queries run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.database import engine

REPOSITORY = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ("README.md", "CONTRIBUTING.md", "docs/runbook.md")


def fences(page: str) -> list[tuple[str, str, str]]:
    """Return the code blocks of a page as (language, file it belongs into or '', text)."""
    return [match.groups() for match in FENCE.finditer((REPOSITORY / page).read_text())]  # type: ignore[misc]


QUERIES = [
    pytest.param(text, id=f"{page}-{number}")
    for page in PAGES
    for number, (language, file, text) in enumerate(fences(page))
    if language == "sql" and not file
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_a_page_runs(warehouse: Engine, query: str) -> None:
    """Every query the pages show runs on a migrated warehouse, and only reads."""
    with warehouse.connect() as connection:
        connection.execute(sa.text("set transaction read only"))
        for statement in filter(str.strip, query.split(";")):
            assert connection.exec_driver_sql(statement).returns_rows


# Tests that hold what the pages promise of the columns of a new KPI fact, and what they need.
HOLDING = (
    "tests/builders.py", "tests/catalog.py", "tests/commands.py", "tests/integration/test_kpis_facts.py",
    "tests/migrations/conftest.py", "tests/migrations/old_installations.py", "tests/migrations/test_schema_homes.py",
)  # fmt: skip


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    """A copy of include/ in which the files of CONTRIBUTING.md are written as it says, with what the cases need."""
    include = tmp_path / "include"
    shutil.copytree(REPOSITORY / "include", include, ignore=shutil.ignore_patterns("__pycache__"))
    shared = ("tests/conftest.py", "tests/commands.py", "tests/suite_budget.py", "tests/sql/conftest.py")
    for file in ("pyproject.toml", *shared, *HOLDING):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / file, tmp_path / file)
    for language, file, text in fences("CONTRIBUTING.md"):
        if file:
            target = tmp_path / file
            target.parent.mkdir(parents=True, exist_ok=True)
            before = target.read_text(encoding="utf-8") if target.exists() else ""
            target.write_text(changed(before, text) if language == "diff" else before + text, encoding="utf-8")
    return include


def changed(before: str, diff: str) -> str:
    """Return the text after a change: lines marked + are put between the lines around them; @@ begins another place."""
    for place in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        old, new = (
            "".join(line[1:] or "\n" for line in place.splitlines(keepends=True) if not line.startswith(mark))
            for mark in "+-"
        )
        assert before.count(old) == 1, f"these lines are not there once:\n{old}"
        before = before.replace(old, new)
    return before


def lifecycle_mail(include: Path, database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line of the copy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LIFECYCLE_", "SENDGRID_"))}
    return subprocess.run(
        [sys.executable, "-m", "lifecycle_mail", *arguments],
        cwd=include.parent,
        env={**kept, "PYTHONPATH": str(include), "LIFECYCLE_DATABASE_URL": database_url, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_contributing_adds_a_segment_a_campaign_a_feed_and_kpis(followed: Path, warehouse_url: str) -> None:
    """A developer who follows CONTRIBUTING.md exactly gets a segment, a campaign that plans, a feed, a KPI and a
    fact."""
    commands = [
        line.removeprefix("python -m lifecycle_mail ").split()
        for language, _, text in fences("CONTRIBUTING.md")
        for line in text.splitlines()
        if language == "sh" and line.startswith("python -m lifecycle_mail ")
    ]
    assert len(commands) >= 6
    printed = ""
    for command in [["migrate"], *commands]:
        done = lifecycle_mail(followed, warehouse_url, *command)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        printed += done.stdout
    assert "looked_twice" in printed
    assert "nothing wrong" in printed
    with engine(warehouse_url).connect() as connection:
        for query in (
            "select revenue_per_click from kpi.revenue_per_click",
            "select promptly_clicked_day from kpi.step_outcome",
            "select prompt_clickers from kpi.campaign_daily union all select prompt_clickers from kpi.event_daily",
        ):
            assert connection.execute(sa.text(query)).all() == []
        wishes = sa.text("select wish_id, quantity, occasion from source.wish order by wish_id")
        assert connection.execute(wishes).all() == [("W1", 2, "birthday"), ("W2", None, "other")]
        refused = sa.text("select reason from source.rejected where feed = 'wishes'")
        assert connection.execute(refused).scalars().all() == ["unparsable_time"]


def test_the_tables_that_contributing_adds_are_what_its_migrations_make() -> None:
    """A migration of CONTRIBUTING.md that makes a table is word for word what the page adds to a stage's tables."""
    shown = {file: text for language, file, text in fences("CONTRIBUTING.md") if language == "sql"}
    tables = [text for file, text in shown.items() if file.endswith("/schema/tables.sql")]
    migrations = [text for file, text in shown.items() if file.startswith("include/sql/migrations/")]
    assert [text for text in migrations if "create table" in text] == tables != []


def test_the_cases_of_contributing_pass(followed: Path, server_url: str) -> None:
    """Each word that CONTRIBUTING.md adds passes the cases it adds with it, and a new segment passes its own."""
    assert lifecycle_mail(followed, "", "segment", "new", "keen").returncode == 0
    written = [Path(file) for _, file, _ in fences("CONTRIBUTING.md") if file.startswith("tests/sql/")]
    cases = sorted({"test_who_is_a_member", *(file.parent.name for file in written)})
    assert sorted(passed(followed, server_url, "tests/sql")) == cases


def test_the_tables_of_contributing_agree(followed: Path, server_url: str) -> None:
    """A KPI fact added as CONTRIBUTING.md says has its columns, in tables.sql and by the migration alike."""
    homes = "tests/migrations/test_schema_homes.py::test_baseline_and_migrations_lead_to_what_schema_says"
    assert passed(followed, server_url, "tests/integration/test_kpis_facts.py", homes)
    added = re.compile("kpis/facts|kpis/schema/tables|prompt_clickers")
    assert len({file for _, file, _ in fences("CONTRIBUTING.md") if added.search(file)}) == 4


def passed(followed: Path, server_url: str, *tests: str) -> list[str]:
    """Run tests of the copy, require that all pass, and return their names."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *tests],
        cwd=followed.parent,
        env={**os.environ, "LIFECYCLE_TEST_DATABASE_URL": server_url, "PYTHONPATH": str(followed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return re.findall(r"(test_\w+) PASSED", done.stdout)


EXCERPTS = [pytest.param(file, text, id=file) for _, file, text in fences("README.md") if file]


@pytest.mark.parametrize(("file", "text"), EXCERPTS)
def test_an_excerpt_of_the_readme_is_what_the_file_says(file: str, text: str) -> None:
    """The lines the README shows of a file stand in that file, in that order."""
    lines = iter((REPOSITORY / file).read_text().splitlines())
    assert [line for line in text.splitlines() if line not in lines] == []
