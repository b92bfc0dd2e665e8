"""docs/planner.md names every statement that steers the planner, and the tests that it points to exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "planner.md").read_text(encoding="utf-8")
SQL = REPOSITORY / "include" / "sql"
IDIOMS = {
    "`offset 0`": r"^\s*offset 0$",
    "a list": r"\bany\(\s*array\(",
    "`as materialized`": r"\bas materialized\b",
}
# What stood in statements before, and must not come back.
GONE = (r"\bmod\([^)]*\)\s*<>\s*coalesce", r"\blimit cast\(:room\b", r"-\s*\w+\.\w+_id\s*>=\s*0")


def statements() -> dict[str, str]:
    """The text of every statement, by its place below include/sql; comments left out."""
    found = {}
    for file in sorted(SQL.glob("*/**/*.sql")):
        if "migrations" not in file.parts:
            lines = file.read_text(encoding="utf-8").splitlines()
            text = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
            found[file.relative_to(SQL).as_posix()] = text
    return found


def left_over() -> dict[str, str]:
    """The rows of the page's last table: file → which idioms."""
    return dict(re.findall(r"^\| `(\S+\.sql)` \| (.*?) \|", PAGE, re.MULTILINE))


def idioms_of(text: str) -> set[str]:
    """The idioms that a text uses."""
    return {name for name, pattern in IDIOMS.items() if re.search(pattern, text, re.MULTILINE)}


def test_the_page_names_each_statement_that_steers_the_planner() -> None:
    """No statement uses an idiom that the page does not name for it, and the page names none that is gone."""
    used = {file: idioms_of(text) for file, text in statements().items()}
    named = {file: {idiom for idiom in IDIOMS if idiom in told} for file, told in left_over().items()}
    assert {file: idioms for file, idioms in used.items() if idioms} == named


def test_an_idiom_that_is_planted_is_found() -> None:
    """The patterns see each idiom, and leave a common table expression alone."""
    assert idioms_of("select 1\n    offset 0\n") == {"`offset 0`"}
    assert idioms_of("where x = any(\n    array(select 1)\n)") == {"a list"}
    assert idioms_of("with a as materialized (select 1) select 1") == {"`as materialized`"}
    assert idioms_of("with a as not materialized (select 1) select 1 from a") == set()


def test_what_steered_the_planner_before_is_gone() -> None:
    """Halves by modulo, bounds by subtraction and limits that cut nothing off do not come back."""
    found = {file for file, text in statements().items() if any(re.search(one, text) for one in GONE)}
    assert found == set()


def test_the_tests_that_the_page_points_to_exist() -> None:
    """Each test named on the page stands in the repository."""
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    command = ["git", "grep", "-hoE", r"def test_\w+", "--", "tests"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    there = {line.removeprefix("def ") for line in listed.splitlines()}
    assert named - there == set()


def test_no_statement_is_longer_than_a_newcomer_can_change() -> None:
    """Outside schema/ and migrations/ no file has more than 125 lines."""
    long = {
        file: lines
        for file, lines in ((file, (SQL / file).read_text().count("\n")) for file in statements())
        if lines > 125 and "/schema/" not in file
    }
    assert long == {}
