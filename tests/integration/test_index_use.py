"""Statements that look a person up ask for what an index holds, and no table is read through for one person.

The planner is told to read through a table only where it has no other way, since tables of a test are small.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import NOON, ensure_month, rows
from lifecycle_mail.database import statement
from lifecycle_mail.events.erasing import KEPT_KEYS

LAST_ACTIVITY = "select segment.last_activity_at('ann', cast(:noon as timestamptz))"
EXITS = """
select * from journey.exit_facts_of(
    1, 'win_back', 'ann', cast(:noon as timestamptz), cast(:noon as timestamptz), '{}', array['activity'], 'offers'
)
"""


@pytest.fixture
def by_index(warehouse: Engine) -> Iterator[Connection]:
    """A connection that reads through a table only where it must; raw events have a month."""
    with warehouse.begin() as connection:
        ensure_month(connection, "event.event", NOON)
        # The index of a new month is built by reading it; that is not to be counted.
        connection.exec_driver_sql("select pg_stat_force_next_flush()")
    with warehouse.begin() as connection:
        connection.exec_driver_sql("set local enable_seqscan = off")
        yield connection


def read_through(connection: Connection) -> set[str]:
    """Tables that statements of this transaction read from begin to end."""
    query = "select relid::regclass::text from pg_stat_xact_user_tables where seq_scan > 0"
    return {name for (name,) in rows(connection, query)}


@pytest.mark.parametrize("query", [LAST_ACTIVITY, EXITS])
def test_a_customer_s_opens_and_clicks_are_found_by_index(by_index: Connection, query: str) -> None:
    """The index holds opened and clicked mails alone; the statements ask for no other, else it were of no use."""
    by_index.execute(sa.text(query), {"noon": NOON}).all()
    assert not {name for name in read_through(by_index) if name.startswith("event.")}


def test_an_erased_address_is_found_by_index(by_index: Connection) -> None:
    """Raw events are the largest table there is, and are not read through for one address."""
    text = sa.text(f"explain {statement('events/erase_events').text}")
    whose = {"customer_id": "ann", "address": "ann@example.com", "kept_keys": list(KEPT_KEYS)}
    assert "Index Cond: (address = 'ann@example.com'" in "\n".join(by_index.execute(text, whose).scalars())
