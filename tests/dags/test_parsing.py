"""Parsing the DAG folder: pure, quick, the same every time; a broken campaign breaks nothing but itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from sqlalchemy.engine import Engine

from builders import NOON, campaign, enrollment, insert
from lifecycle_airflow import campaign_dags
from lifecycle_mail.words import CONDITIONS, EXITS, SQL_FOLDER

DAGS = Path(__file__).resolve().parents[2] / "dags"
REPORT = Path(__file__).with_name("parse_report.py")


def _parse(hash_seed: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(REPORT)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout[done.stdout.index('{"dags"') :]))


@pytest.fixture(scope="module")
def reports() -> list[dict[str, Any]]:
    """Two parses in two processes, with different orders of sets."""
    return [_parse("1"), _parse("2")]


def test_parsing_reads_campaign_files_and_nothing_else(reports: list[dict[str, Any]]) -> None:
    """Parsing opens no socket and no database, and reads only YAML files of include/ and their words."""
    report = reports[0]
    assert report["import_errors"] == {}
    assert report["warnings"] == {}
    assert report["connections"] == []
    folder = DAGS.parent / "include"
    ours = {path for path in report["files"] if path.startswith(str(DAGS.parent)) and ".venv" not in path}
    campaigns = {str(path) for path in (folder / "campaigns").glob("*.yaml")}
    words = {str(path) for kind in (EXITS, CONDITIONS) for path in (SQL_FOLDER / kind).glob("*.sql")}
    assert ours == campaigns | words | {str(folder / "topics.yaml")}


def test_parsing_stays_light(reports: list[dict[str, Any]]) -> None:
    """The library's heavy parts are imported by tasks, not by the dag-processor."""
    heavy = {"pandas", "pyarrow", "mjml", "babel", "lifecycle_mail.database", "lifecycle_mail.pipeline"}
    assert heavy & set(reports[0]["modules"]) == set()


def test_two_parses_are_the_same(reports: list[dict[str, Any]]) -> None:
    """Parsing again makes no new DAG version: Airflow's own version hashes agree, whatever the hash seed."""
    first, second = (report["dags"] for report in reports)
    assert len(first) >= 10
    assert first == second


def _break(folder: Path, name: str, old: str, new: str) -> None:
    file = folder / f"{name}.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_a_broken_campaign_breaks_its_own_dag_alone(campaigns_folder: Path) -> None:
    """A typo in one file takes that campaign's DAG away; all others stay, without an error."""
    whole = set(DagBag(str(DAGS)).dags)
    _break(campaigns_folder, "birthday", "priority:", "priorty:")
    bag = DagBag(str(DAGS))
    assert whole - set(bag.dags) == {"campaign__birthday"}
    assert set(bag.import_errors) == {str(DAGS / "broken_campaigns.py")}


def test_the_import_error_says_what_to_write(campaigns_folder: Path) -> None:
    """The import error names each broken file, the line, and the nearest right word."""
    _break(campaigns_folder, "birthday", "priority:", "priorty:")
    _break(campaigns_folder, "win_back", "event: order", "event: ordr")
    (error,) = DagBag(str(DAGS)).import_errors.values()
    lines = error.strip().splitlines()
    assert any(line.startswith("birthday.yaml:") and "did you mean 'priority'" in line for line in lines)
    assert any(line.startswith("win_back.yaml:") and "did you mean 'order'" in line for line in lines)


def test_the_import_error_names_a_campaign_that_lost_its_file(
    campaigns_folder: Path, warehouse: Engine, warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page tells what the warehouse has and no file does; every DAG goes on. A task's process asks nothing, and a
    warehouse without an answer is no error."""
    whole = set(DagBag(str(DAGS)).dags)
    with warehouse.begin() as connection:
        campaign(connection, "spring_sale")
        enrollment_id = enrollment(connection, "spring_sale", "ann", ended_at=None, end_reason=None)
        insert(
            connection, "journey.upcoming", enrollment_id=enrollment_id, campaign="spring_sale", due_at=NOON, step="a"
        )
    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", warehouse_url)
    bag = DagBag(str(DAGS))
    assert set(bag.dags) == whole
    (error,) = bag.import_errors.values()
    last = error.strip().splitlines()[-1]
    assert last.startswith("campaign spring_sale has no file any more, and 1 running series and 0 planned mails")
    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", "postgresql://127.0.0.1:9/none")
    assert DagBag(str(DAGS)).import_errors == {}
    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", warehouse_url)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "campaign__birthday")
    assert DagBag(str(DAGS)).import_errors == {}


def test_a_new_campaign_is_a_yaml_file_alone(campaigns_folder: Path) -> None:
    """A new file gives a new DAG; nothing in dags/ is touched."""
    text = (campaigns_folder / "birthday.yaml").read_text()
    (campaigns_folder / "birthday_club.yaml").write_text(
        text.replace("campaign: birthday", "campaign: birthday_club")
    )
    assert "campaign__birthday_club" in DagBag(str(DAGS)).dags


def test_a_task_reads_its_own_campaign_alone(
    campaigns_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a task's process only the wanted DAG is built, so that many campaigns cost a task nothing."""
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "campaign__birthday")
    _break(campaigns_folder, "win_back", "priority:", "priorty:")
    campaigns = DagBag(str(DAGS / "campaigns.py"))
    assert set(campaigns.dags) == {"campaign__birthday"}


ODD_FILES = {
    "alias": "campaign: &a {x: *a}",
    "deep": "campaign: " + "[" * 3000,
    "odd_key": "campaign: odd_key\n? [a, b]\n: 1\n",
}


def test_files_no_reader_can_follow_cost_nothing_but_themselves(campaigns_folder: Path) -> None:
    """An alias to itself, 3,000 brackets, a list as a key: every other campaign has its DAG, and each of the three
    its own readable line."""
    whole = set(DagBag(str(DAGS)).dags)
    for name, text in ODD_FILES.items():
        (campaigns_folder / f"{name}.yaml").write_text(text)
    (campaigns_folder / "a_folder.yaml").mkdir()
    bag = DagBag(str(DAGS))
    assert set(bag.dags) == whole
    assert set(bag.import_errors) == {str(DAGS / "broken_campaigns.py")}
    (error,) = bag.import_errors.values()
    assert [line for line in error.strip().splitlines() if "is missing: add it" not in line][-4:] == [
        "a_folder.yaml: cannot be read: it is a folder: put the YAML file itself here",
        "alias.yaml:1: aliases and anchors (&, *) are not used here: write the value out",
        "deep.yaml:1: lists and mappings are nested more than 20 levels deep: remove some levels",
        "odd_key.yaml:2: the key is a list or mapping, but must be plain text: put {…} in quotes",
    ]


def test_an_error_nobody_foresaw_is_named_and_costs_one_campaign(
    campaigns_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If one file brings a fault of this product to light, the error has the fault's kind and place; all other files go
    on."""
    whole = set(DagBag(str(DAGS)).dags)
    honest = campaign_dags._doc

    def faulty(campaign: Any, doc: str) -> str:
        return honest(campaign, doc) if campaign.campaign != "birthday" else str([][0])

    monkeypatch.setattr(campaign_dags, "_doc", faulty)
    bag = DagBag(str(DAGS))
    assert whole - set(bag.dags) == {"campaign__birthday"}
    (error,) = bag.import_errors.values()
    last = error.strip().splitlines()[-1]
    assert last.startswith("birthday.yaml: IndexError (list index out of range) in test_parsing.py, line ")
    assert last.endswith("compare the file with a campaign that works, and report the error with the file")
