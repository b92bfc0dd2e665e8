"""What the pages tell a reader to do is done here: their files are written, their commands and queries run."""

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


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    """A copy of include/ in which the files of CONTRIBUTING.md have been written as it says, with what cases need."""
    include = tmp_path / "include"
    shutil.copytree(REPOSITORY / "include", include, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "tests/conftest.py", "tests/suite_budget.py", "tests/sql/conftest.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / file, tmp_path / file)
    for _, file, text in fences("CONTRIBUTING.md"):
        if file:
            target = tmp_path / file
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("a", encoding="utf-8") as stream:
                stream.write(text)
    return include


def lifecycle_mail(include: Path, database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line of the copy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LIFECYCLE_", "SENDGRID_"))}
    return subprocess.run(
        [sys.executable, "-m", "lifecycle_mail", *arguments],
        env={**kept, "PYTHONPATH": str(include), "LIFECYCLE_DATABASE_URL": database_url, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_contributing_adds_a_segment_a_campaign_and_a_kpi(followed: Path, warehouse_url: str) -> None:
    """Who follows CONTRIBUTING.md to the letter has a segment and a campaign that check and plan, and a KPI."""
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
        view = sa.text("select revenue_per_click from kpi.revenue_per_click")
        assert connection.execute(view).all() == []


def test_the_cases_of_contributing_pass(followed: Path, server_url: str) -> None:
    """Each word that CONTRIBUTING.md adds passes the cases it adds with it."""
    written = [Path(file) for _, file, _ in fences("CONTRIBUTING.md") if file.startswith("tests/sql/")]
    cases = sorted({file.parent.name for file in written})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "tests/sql"],
        cwd=followed.parent,
        env={**os.environ, "LIFECYCLE_TEST_DATABASE_URL": server_url, "PYTHONPATH": str(followed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert sorted(re.findall(r"(test_\w+) PASSED", done.stdout)) == cases


EXCERPTS = [pytest.param(file, text, id=file) for _, file, text in fences("README.md") if file]


@pytest.mark.parametrize(("file", "text"), EXCERPTS)
def test_an_excerpt_of_the_readme_is_what_the_file_says(file: str, text: str) -> None:
    """The lines the README shows of a file stand in that file, in that order."""
    lines = iter((REPOSITORY / file).read_text().splitlines())
    assert [line for line in text.splitlines() if line not in lines] == []
