"""The generated pages: nothing without a comment, nothing stale, and the same page however often it is made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from typer.testing import CliRunner

from documentation import __main__ as command
from documentation.dictionary_page import SCHEMAS, text_of
from lifecycle_mail.database import run
from lifecycle_mail.migrations import MIGRATIONS_FOLDER


def test_everything_in_the_warehouse_is_explained(warehouse: Engine) -> None:
    """Every schema, table, view and column of ours, view columns too, has a comment."""
    with warehouse.connect() as connection:
        relations = list(run(connection, "documentation/relations", schemas=list(SCHEMAS)))
        columns = list(run(connection, "documentation/columns", schemas=list(SCHEMAS)))
    assert {row.schema_name for row in relations} == set(SCHEMAS)
    assert [row.schema_name for row in relations if not row.schema_comment] == []
    assert [f"{row.schema_name}.{row.relation_name}" for row in relations if not row.comment] == []
    silent = [f"{row.schema_name}.{row.relation_name}.{row.column_name}" for row in columns if not row.comment]
    assert silent == []


def test_no_schema_is_forgotten(warehouse: Engine) -> None:
    """The page covers every schema the migrations make."""
    with warehouse.connect() as connection:
        found = connection.exec_driver_sql(
            "select nspname from pg_namespace"
            " where nspname !~ '^pg_' and nspname not in ('public', 'information_schema')"
        )
        assert set(found.scalars()) == set(SCHEMAS)


def test_comments_have_one_source() -> None:
    """A column's meaning stands in its `comment on`, not behind its definition as well."""
    for file in sorted(MIGRATIONS_FOLDER.glob("[0-9]*.sql")):
        tables = re.findall(r"^create table .*?^\)", file.read_text(), flags=re.MULTILINE | re.DOTALL)
        assert not [line for table in tables for line in table.splitlines() if " -- " in line], file.name


def test_the_page_shows_keys_types_and_meanings(warehouse: Engine) -> None:
    """A row tells name (bold in the key), type, whether it may be null, default and meaning."""
    page = text_of(warehouse)
    assert page == text_of(warehouse)
    assert "\n### source.customer\n" in page
    assert "| **customer_id** | text |  |  | The shop's key. |" in page
    assert "Partitioned by HASH (enrollment_id)." in page
    assert "message_p0" not in page


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command on one page of two words in a folder of its own."""
    monkeypatch.setattr(command, "DOCS", tmp_path)
    monkeypatch.setattr(command, "PAGES", {"words": (tmp_path / "words.md", lambda: "two words\n")})
    return tmp_path / "words.md"


def test_a_stale_page_is_refused_and_written(pages: Path) -> None:
    """--check exits 1 with the difference and writes nothing; without --check the page is written again."""
    pages.write_text("one word\n")
    checked = CliRunner().invoke(command.cli, ["--check"])
    assert checked.exit_code == 1
    assert "words.md is stale: run `make docs`" in checked.output
    assert "-one word" in checked.output
    assert pages.read_text() == "one word\n"
    assert CliRunner().invoke(command.cli, []).exit_code == 0
    assert pages.read_text() == "two words\n"
    assert CliRunner().invoke(command.cli, ["--check"]).exit_code == 0


def test_an_unknown_page_is_a_usage_error(pages: Path) -> None:
    """A page that does not exist is refused, and the error names those that do."""
    asked = CliRunner().invoke(command.cli, ["weather"])
    assert asked.exit_code == 2
    assert "choose one of words" in asked.output
