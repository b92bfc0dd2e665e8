"""Open the library inside a task: settings from the environment, or from Airflow connections if they are defined.

Connection `lifecycle_warehouse` (PostgreSQL) takes precedence over LIFECYCLE_DATABASE_URL, and connection `sendgrid`
(password = API key, host = base URL) over SENDGRID_API_KEY and SENDGRID_BASE_URL. Only the address is
taken from a connection; the engine is the library's own. Nothing here runs while a DAG file is parsed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret
from sqlalchemy.engine import URL, make_url

from lifecycle_mail.errors import SettingsError
from lifecycle_mail.settings import Settings

if TYPE_CHECKING:
    from lifecycle_mail.pipeline import Installation

WAREHOUSE_CONNECTION = "lifecycle_warehouse"
SENDGRID_CONNECTION = "sendgrid"
# What a task returns: numbers by name, and so its XCom. It is a union, because Airflow would push every entry of a
# plain dict as one more XCom.
Counts: TypeAlias = dict[str, int] | None
_POSTGRES_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs")


@contextmanager
def installation() -> Iterator[Installation]:
    """Open the library with this deployment's settings, and give its connections back at the end.

    Raises:
        SettingsError, DatabaseUnavailable, SchemaOutOfDate: one readable line, without secrets.
    """
    from lifecycle_mail.pipeline import open_installation  # not while parsing: it imports the whole library

    opened = open_installation(settings())
    try:
        yield opened
    finally:
        opened.engine.dispose()


def settings() -> Settings:
    """Return the settings of this task, and hide their secrets from its log."""
    found = Settings.from_environment({**os.environ, **_from_connections()})
    secrets = (found.sendgrid_api_key, found.link_secret, _password(found.database_url))
    for secret in filter(None, secrets):
        mask_secret(secret)
    return found


def folder(value: Path | None, variable: str) -> Path:
    """Return `value`, the folder that `variable` names.

    Raises:
        SettingsError: the variable is not set, or does not name a folder.
    """
    if value is None:
        raise SettingsError(f"{variable} is not set: give a folder that every worker can read")
    if not value.is_dir():
        raise SettingsError(f"{variable} names {value}, which is not a folder here: create it, or mount it")
    return value


def _from_connections() -> dict[str, str]:
    """Return the settings that connections hold, under the names of their variables."""
    found: dict[str, str] = {}
    warehouse, sendgrid = _connection(WAREHOUSE_CONNECTION), _connection(SENDGRID_CONNECTION)
    if warehouse is not None:
        found["LIFECYCLE_DATABASE_URL"] = _database_url(warehouse)
    if sendgrid is not None and sendgrid.password:
        found["SENDGRID_API_KEY"] = str(sendgrid.password)
    if sendgrid is not None and sendgrid.host:
        found["SENDGRID_BASE_URL"] = _base_url(sendgrid)
    return found


def _connection(name: str) -> Any | None:
    try:
        return Connection.get(name)
    except AirflowNotFoundException:
        return None


def _database_url(connection: Any) -> str:
    """Return the SQLAlchemy address of a connection; a host that begins with / is a socket's folder."""
    extra = connection.extra_dejson
    query = {name: str(extra[name]) for name in _POSTGRES_OPTIONS if name in extra}
    socket_folder = (connection.host or "").startswith("/")
    if socket_folder:
        query["host"] = connection.host
    url = URL.create(
        "postgresql",
        username=connection.login or None,
        password=connection.password or None,
        host=None if socket_folder else connection.host or None,
        port=connection.port or None,
        database=connection.schema or None,
        query=query,
    )
    return url.render_as_string(hide_password=False)


def _base_url(connection: Any) -> str:
    host = str(connection.host)
    if "://" in host:
        return host
    port = f":{connection.port}" if connection.port else ""
    return f"{connection.schema or 'https'}://{host}{port}"


def _password(database_url: str) -> str | None:
    return make_url(database_url).password if database_url else None
