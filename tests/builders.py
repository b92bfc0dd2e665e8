"""Small builders that put one row of each stage into a test database, with everything else at a default.

Tests of a stage write rows of the stages before it with these instead of running those stages. Every builder
takes a connection first and keyword arguments for the columns that matter to the test.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def insert(connection: Connection, table: str, **columns: Any) -> Any:
    """Insert one row; dicts become JSON; return the first column of the row."""
    values = {name: _plain(value) for name, value in columns.items()}
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    query = sa.text(f"insert into {table} ({names}) values ({marks}) returning *")  # noqa: S608
    return connection.execute(query, values).first()[0]


def _plain(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict) else value


def load(connection: Connection) -> int:
    """A finished load; rows of feeds name it."""
    return insert(connection, "source.load", finished_at=NOON)


def customer(connection: Connection, customer_id: str, **columns: Any) -> str:
    """A customer with an address of example.com and confirmed permission."""
    defaults = {
        "email": f"{customer_id}@example.com",
        "created_at": NOON - timedelta(days=400),
        "permission": "confirmed",
        "permission_at": NOON - timedelta(days=400),
        "load_id": columns.pop("load_id", None) or load(connection),
    }
    return insert(connection, "source.customer", customer_id=customer_id, **{**defaults, **columns})


def permission(connection: Connection, customer_id: str, said: str, at: datetime, origin: str = "feed") -> None:
    """One entry of the consent log."""
    insert(
        connection, "source.permission_change",
        customer_id=customer_id, permission=said, permission_at=at, origin=origin,
    )  # fmt: skip


def order(connection: Connection, order_id: str, customer_id: str, at: datetime, **columns: Any) -> str:
    """An order of 10.00 EUR that was placed."""
    defaults = {"total": 10, "currency": "EUR", "load_id": columns.pop("load_id", None) or load(connection)}
    return insert(
        connection, "source.orders",
        order_id=order_id, customer_id=customer_id, ordered_at=at, **{**defaults, **columns},
    )  # fmt: skip


def campaign(connection: Connection, name: str = "cart_abandoned", **columns: Any) -> str:
    """A published marketing campaign whose goal is an order within 5 days."""
    defaults = {
        "topic": "reminders", "is_marketing": True, "segment": name, "goal_event": "order", "goal_within_days": 5,
        "goal_target_ratio": 0.15, "exit_on": ["order"], "holdout_ratio": 0.05, "priority": 50, "definition": {},
        "definition_md5": "0" * 32,
    }  # fmt: skip
    return insert(connection, "journey.campaign", campaign=name, **{**defaults, **columns})


def epoch(connection: Connection, campaign: str = "cart_abandoned", **columns: Any) -> str:
    """The first epoch of a campaign: half of the people held out, no variants, an order within 5 days."""
    defaults = {
        "epoch": 1, "began_at": NOON - timedelta(days=400), "holdout_ratio": 0.5, "variants": {},
        "goal_event": "order", "goal_within_days": 5,
    }  # fmt: skip
    return insert(connection, "journey.epoch", campaign=campaign, **{**defaults, **columns})


def enrollment(connection: Connection, campaign: str, customer_id: str, **columns: Any) -> int:
    """An ended enrollment: a customer may have many."""
    at = columns.pop("enrolled_at", NOON)
    defaults = {
        "occurrence": f"{at.isoformat()}", "occurred_at": at, "enrolled_at": at, "is_holdout": False,
        "ended_at": at, "end_reason": "completed",
    }  # fmt: skip
    return insert(
        connection, "journey.enrollment", campaign=campaign, customer_id=customer_id, **{**defaults, **columns}
    )


def decision(
    connection: Connection, enrollment_id: int, campaign: str, customer_id: str, step: str = "reminder",
    **columns: Any,
) -> int:  # fmt: skip
    """A decision to send, made at noon."""
    at = columns.pop("decided_at", NOON)
    ensure_month(connection, "decision.decision", at)
    defaults = {"as_of": at, "variant": "default", "outcome": "send", "reason": "eligible", "due_at": at}
    return insert(
        connection, "decision.decision",
        decided_at=at, enrollment_id=enrollment_id, step=step, campaign=campaign, customer_id=customer_id,
        **{**defaults, **columns},
    )  # fmt: skip


def message(
    connection: Connection, enrollment_id: int, campaign: str, customer_id: str, step: str = "reminder",
    **columns: Any,
) -> str:  # fmt: skip
    """A mail the provider took at noon; returns its message id as text."""
    at = columns.pop("planned_at", NOON)
    defaults = {
        "topic": "reminders", "variant": "default", "priority": 50, "shell_id": 1, "state": "accepted",
        "planned_at": at, "not_before": at, "expires_at": at + timedelta(days=1), "send_day": at.date(),
    }  # fmt: skip
    values = {**defaults, **columns}
    if values["state"] == "accepted":
        values.setdefault("accepted_at", at)
    message_id = message_id_of(connection, enrollment_id, step)
    insert(
        connection, "message.message",
        message_id=message_id, enrollment_id=enrollment_id, step=step, campaign=campaign,
        customer_id=customer_id, **values,
    )  # fmt: skip
    return message_id


def message_id_of(connection: Connection, enrollment_id: int, step: str) -> str:
    """The id the message of this enrollment and step has."""
    query = sa.text("select cast(message.message_id(cast(:enrollment_id as bigint), :step) as text)")
    return str(connection.execute(query, {"enrollment_id": enrollment_id, "step": step}).scalar_one())


def ensure_month(connection: Connection, table: str, at: datetime) -> None:
    """The partition of `table` that holds `at`."""
    connection.execute(sa.text("select installation.ensure_month(:table, :at)"), {"table": table, "at": at})


def rows(connection: Connection, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """All rows of a query, as plain tuples."""
    return [tuple(row) for row in connection.execute(sa.text(query), parameters)]


def waiting_for_locks(engine: Engine) -> int:
    """How many statements wait for a lock of another transaction just now."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    with engine.connect() as connection:
        return rows(connection, query)[0][0]
