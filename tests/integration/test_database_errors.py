"""What the database layer logs on an error or at DEBUG: it says what was wrong, and shows no personal data."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Callable

import psycopg2
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import customer
from lifecycle_mail.database import copy_in, raw_cursor

WHO = "zoe.o'hara@example.com"


def _duplicate(connection: Connection) -> None:
    insert = sa.text("insert into source.former_address (customer_id, address) values (:id, :address)")
    connection.execute(sa.text("create unique index on source.former_address (address)"))
    for one in ("a", "b"):
        connection.execute(insert, {"id": one, "address": WHO})


def _wrong_form(connection: Connection) -> None:
    connection.execute(sa.text("select cast(:value as integer)"), {"value": WHO})


def _refused_by_a_check(connection: Connection) -> None:
    customer(connection, "a", email=WHO, permission="perhaps")


def _wrong_copy(connection: Connection) -> None:
    copy_in(connection, "source.customer", ["customer_id", "created_at"], io.StringIO(f"a,{WHO}\n"))


def _wrong_raw(connection: Connection) -> None:
    with raw_cursor(connection) as cursor:
        cursor.execute("select cast(%s as timestamptz)", [WHO])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (_duplicate, 'duplicate key value violates unique constraint "former_address_address_idx"'),
        (_wrong_form, "invalid input syntax for type integer: <value> (SQLSTATE 22P02)"),
        (_refused_by_a_check, "violates check constraint"),
        (_wrong_copy, "invalid input syntax for type timestamp with time zone: <value>"),
        (_wrong_raw, "invalid input syntax for type timestamp with time zone: <value>"),
    ],
)
def test_an_error_names_the_rule_and_no_row(
    warehouse: Engine, wrong: Callable[[Connection], None], said: str
) -> None:
    """The whole traceback, causes included, says which rule was broken and quotes no value."""
    with pytest.raises((sa.exc.DBAPIError, psycopg2.Error)) as caught, warehouse.begin() as connection:
        wrong(connection)
    text = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert said in text
    assert WHO.split("@")[0] not in text.replace("''", "'")


def test_a_lost_connection_still_says_why(warehouse: Engine) -> None:
    """Text that is no row's data stays: an operator must read why the server ended."""
    with pytest.raises(sa.exc.OperationalError) as caught, warehouse.connect() as connection:
        connection.execute(sa.text("select pg_terminate_backend(pg_backend_pid())"))
    assert "terminat" in str(caught.value)


def test_a_log_at_debug_shows_statements_and_no_rows(warehouse: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """The engine's log at DEBUG has the statements; neither parameters nor rows."""
    for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.engine.Engine"):  # whatever was set before
        caplog.set_level(logging.DEBUG, logger=name)
    with warehouse.begin() as connection:
        customer(connection, "a", email=WHO)
    with warehouse.connect() as connection:
        query = sa.text("select email from source.customer where email = :email")
        assert connection.execute(query, {"email": WHO}).scalar_one() == WHO
    assert "select email from source.customer" in caplog.text
    assert WHO not in caplog.text
    assert WHO.replace("'", "''") not in caplog.text
