"""Habits of this repository, held by tests: names, headers, addresses, and pages that tell the truth."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "tools"}
ADDRESS = re.compile(r"[\w.+-]+@((?:[\w-]+\.)+[a-zA-Z]{2,})")
DOMAINS_FOR_DOCUMENTATION = re.compile(
    r"(^|[.-])example\.com"  # and what tests of almost that domain need
    r"|(^|\.)(example|test|invalid|localhost)$"
)


def tracked_files(*patterns: str) -> list[Path]:
    """Return the repository's own files as git knows them, and those about to be added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    files = [REPOSITORY / line for line in listed.splitlines()]
    return [file for file in files if file.is_file()]


def readable(file: Path) -> str:
    """Return the file's text, or an empty text if the file is not text."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_module_has_a_vague_name() -> None:
    """A module's name says what is in it: nothing is called utils, helpers, common or manager."""
    modules = tracked_files("*.py")
    assert modules
    words = {file: {file.stem, file.parent.name, file.stem.split("_")[-1]} for file in modules}
    assert [file for file, said in words.items() if VAGUE_NAMES & said] == []


SCHEMA_FOLDERS = {"migrations", "schema", "functions", "views"}
SQL_FILES = [
    file
    for file in tracked_files("include/sql/**/*.sql")
    if file.parent.name not in SCHEMA_FOLDERS and file.stem != "ledger"
]


def header_and_code(file: Path) -> tuple[str, str]:
    """Return the comment lines a SQL file begins with, and its code without comments."""
    lines = file.read_text(encoding="utf-8").splitlines()
    begin = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    code = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    return "\n".join(lines[:begin]), code


@pytest.mark.parametrize("file", SQL_FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_sql_file_begins_with_its_contract(file: Path) -> None:
    """A SQL file's header says what it does and its grain, and names each parameter. If time decides who is in
    (segments, journeys, decisions), the header also says how far the statement looks back."""
    header, code = header_and_code(file)
    assert header.startswith("-- ")
    if re.match(r"(select|with|insert|update|delete|merge)\b", code.strip()):
        assert "grain:" in header.lower()
        if file.parent.name in {"segments", "journeys", "decisions"}:
            assert "look-back:" in header.lower()
    bound = set(re.findall(r"(?<![:\w]):([a-z]\w*)", re.sub(r"'(?:[^']|'')*'", "''", code)))
    unnamed = {name for name in bound if not re.search(rf"\b{name}\b", header)}
    assert unnamed == set() or "columns of" in header  # an insert may name the table instead


@pytest.mark.parametrize("file", SQL_FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_sql_file_holds_one_statement(file: Path) -> None:
    """One file is one statement: it can be named, run, explained and tested alone."""
    _, code = header_and_code(file)
    assert ";" not in re.sub(r"'(?:[^']|'')*'", "''", code).strip().rstrip(";")


def test_there_are_sql_files_to_check() -> None:
    """The check above is not empty."""
    assert len(SQL_FILES) > 10


def test_only_documentation_addresses_stand_in_the_repository() -> None:
    """No address of a real domain is written anywhere: a mistake in a test can never mail a stranger."""
    found = {
        f"{file.relative_to(REPOSITORY)}: {match.group(0)}"
        for file in tracked_files()
        for match in ADDRESS.finditer(readable(file))
        if not DOMAINS_FOR_DOCUMENTATION.search(match.group(1).lower())
    }
    assert found == set()


def test_no_conflict_marks_are_left() -> None:
    """No file carries the marks of an unfinished merge."""
    marked = [file for file in tracked_files() if re.search(r"^(<{7}|>{7}) ", readable(file), re.MULTILINE)]
    assert marked == []


def make_targets() -> set[str]:
    """Return the Makefile's targets that a person calls."""
    return set(re.findall(r"^([a-z]+):.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


PAGES = ["README.md", "CONTRIBUTING.md", "docs/runbook.md"]
RECORDS = sorted((REPOSITORY / "docs/decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_record_is_short_and_dated(record: Path) -> None:
    """A record has a date, a context, a decision and consequences, on at most 40 lines, and stands in the index."""
    text = record.read_text()
    assert len(text.splitlines()) <= 40
    assert re.search(r"\b20\d\d-\d\d-\d\d\b", text)
    assert [word for word in ("Context", "Decision", "Consequences") if not re.search(rf"(## |\*\*){word}", text)] == []
    assert f"]({record.name})" in (record.parent / "README.md").read_text()


def test_every_decision_that_is_named_is_there() -> None:
    """A number after `decisions/` or `decision` leads to a record, in code, tests and pages alike."""
    numbers = {record.name[:4] for record in RECORDS}
    named = {
        f"{file.relative_to(REPOSITORY)}: {number}"
        for file in tracked_files("*.py", "*.sql", "*.md", "*.yaml", "*.yml")
        for number in re.findall(r"\bdecisions?[/ ](\d{4})\b", readable(file))
        if number not in numbers and "bench/history" not in str(file)
    }
    assert named == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_of_a_page_exists(page: str) -> None:
    """A page never asks for a make target that is not there."""
    asked = set(re.findall(r"\bmake ([a-z]+)\b(?=[^a-z]*[`\n#])", (REPOSITORY / page).read_text()))
    assert asked <= make_targets()


def test_the_readme_names_both_first_commands() -> None:
    """The first screen of the README has the two commands a newcomer runs."""
    first_screen = "\n".join((REPOSITORY / "README.md").read_text().splitlines()[:40])
    assert "make demo" in first_screen
    assert "make test" in first_screen
    assert {"demo", "test"} <= make_targets()


def test_links_between_pages_lead_somewhere() -> None:
    """A relative link of any page leads to a file of the repository."""
    missing = [
        f"{file.relative_to(REPOSITORY)}: {target}"
        for file in tracked_files("*.md")
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", file.read_text())
        if not (file.parent / target).exists()
    ]
    assert missing == []


def test_every_file_named_in_a_page_exists() -> None:
    """Paths below include/, docs/, tests/ and dags/ that the pages name are there."""
    pattern = re.compile(r"`((?:include|docs|tests|dags|plugins|compose)/[\w./-]*[\w/])`")
    missing = {
        f"{page}: {path}"
        for page in PAGES
        for path in pattern.findall((REPOSITORY / page).read_text())
        if not (REPOSITORY / path).exists()
    }
    assert missing == set()


def test_requirements_are_pinned() -> None:
    """Every line of both requirement files names one exact version."""
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (REPOSITORY / name).read_text().splitlines()
        assert lines
        assert [line for line in lines if not re.fullmatch(r"[\w.\[\],-]+==[\w.!+-]+", line)] == []
