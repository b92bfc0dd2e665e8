"""Settings inside a task: from the environment, or from Airflow connections if they are defined, and hidden."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from lifecycle_airflow.installation import folder, installation, settings
from lifecycle_mail.errors import DatabaseUnavailable, SettingsError

ENVIRONMENT = {
    "LIFECYCLE_DATABASE_URL": "postgresql://of_environment@localhost/lifecycle",
    "SENDGRID_API_KEY": "SG.of-environment",
    "SENDGRID_BASE_URL": "http://localhost:1",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_the_environment_suffices() -> None:
    """Without connections the settings are those of the command line."""
    found = settings()
    assert found.database_url == ENVIRONMENT["LIFECYCLE_DATABASE_URL"]
    assert (found.sendgrid_api_key, found.sendgrid_base_url) == ("SG.of-environment", "http://localhost:1")


def test_a_warehouse_connection_stands_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address comes from the connection, with its TLS options and without Airflow's own extras."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_LIFECYCLE_WAREHOUSE",
        '{"conn_type": "postgres", "login": "writer", "password": "p@ss/word", "host": "db.example.com",'
        ' "port": 5433, "schema": "lifecycle", "extra": {"sslmode": "require", "cursor": "dictcursor"}}',
    )
    assert settings().database_url == (
        "postgresql://writer:p%40ss%2Fword@db.example.com:5433/lifecycle?sslmode=require"
    )


def test_a_socket_connection_keeps_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that begins with / is the folder of a Unix socket."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_LIFECYCLE_WAREHOUSE",
        '{"conn_type": "postgres", "login": "postgres", "host": "/run/pg", "schema": "lifecycle"}',
    )
    assert settings().database_url == "postgresql://postgres@/lifecycle?host=%2Frun%2Fpg"


@pytest.mark.parametrize(
    ("connection", "base_url"),
    [
        ('{"conn_type": "http", "password": "SG.other", "host": "http://localhost:9"}', "http://localhost:9"),
        ('{"conn_type": "http", "password": "SG.other", "host": "api.example.com"}', "https://api.example.com"),
        ('{"conn_type": "http", "password": "SG.other"}', "http://localhost:1"),
    ],
)
def test_a_sendgrid_connection_gives_key_and_address(
    monkeypatch: pytest.MonkeyPatch, connection: str, base_url: str
) -> None:
    """The connection's password is the key; its host, if given, is the base URL."""
    monkeypatch.setenv("AIRFLOW_CONN_SENDGRID", connection)
    found = settings()
    assert (found.sendgrid_api_key, found.sendgrid_base_url) == ("SG.other", base_url)


def test_secrets_are_hidden_from_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, link secret and the database's password are masked in everything a task writes."""
    from airflow.sdk._shared.secrets_masker import redact

    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", "postgresql://user:wh-password-1@localhost/lifecycle")
    monkeypatch.setenv("LIFECYCLE_LINK_SECRET", "link-secret-1")
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.secret-1")
    settings()
    text = str(redact("wh-password-1 link-secret-1 SG.secret-1"))
    assert not re.search(r"wh-password-1|link-secret-1|SG\.secret-1", text)


def test_the_library_opens_on_the_warehouse(warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task gets an installation on a migrated database, and its connections are returned."""
    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", warehouse_url)
    with installation() as system:
        assert isinstance(system.engine, Engine)
        pool = system.engine.pool
    assert system.engine.pool is not pool  # disposed of: a new, empty pool


def test_a_warehouse_that_is_away_is_one_readable_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names host and database, never the password."""
    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", "postgresql://user:hidden@127.0.0.1:1/lifecycle")
    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1, database lifecycle") as caught, installation():
        pass
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_setting_must_name_a_folder(tmp_path: Path) -> None:
    """Missing and wrong folders are refused with the name of the variable."""
    assert folder(tmp_path, "LIFECYCLE_FEEDS_DIR") == tmp_path
    with pytest.raises(SettingsError, match="LIFECYCLE_FEEDS_DIR is not set"):
        folder(None, "LIFECYCLE_FEEDS_DIR")
    with pytest.raises(SettingsError, match=r"LIFECYCLE_FEEDS_DIR names .*, which is not a folder"):
        folder(tmp_path / "absent", "LIFECYCLE_FEEDS_DIR")
