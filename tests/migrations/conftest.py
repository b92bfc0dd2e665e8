"""Empty databases to migrate."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from lifecycle_mail.database import engine


@contextmanager
def new_database(server_url: str) -> Iterator[Engine]:
    """An engine on a new empty database, dropped afterwards."""
    name = f"lifecycle_schema_{uuid.uuid4().hex[:12]}"
    admin = engine(server_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f'create database "{name}"'))
        own = engine(make_url(server_url).set(database=name).render_as_string(hide_password=False))
        yield own
        own.dispose()
        connection.execute(sa.text(f'drop database "{name}" with (force)'))
    admin.dispose()


@pytest.fixture
def make_empty(server_url: str) -> Iterator[Callable[[], Engine]]:
    """Give empty databases, as many as asked for."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(new_database(server_url))


@pytest.fixture
def empty(make_empty: Callable[[], Engine]) -> Engine:
    """An empty database."""
    return make_empty()
