"""Databases as earlier versions left them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.database import execute_script
from lifecycle_mail.migrations import LEDGER_FILE
from lifecycle_mail.schema import STAGES

BEFORE_BASELINE = Path(__file__).parent / "before_baseline"


def bring_before_baseline(warehouse: Engine, last: str) -> None:
    """Apply the migrations of before the baseline up to and with `last`, and note them as that version did."""
    with warehouse.begin() as connection:
        execute_script(connection, LEDGER_FILE.read_text(encoding="utf-8"))
        connection.exec_driver_sql("drop table installation.definition")
    for file in sorted(BEFORE_BASELINE.glob("*.sql")):
        if file.stem > last:
            continue
        md5 = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        with warehouse.begin() as connection:
            execute_script(connection, file.read_text(encoding="utf-8"))
            record = sa.text("insert into installation.migration (name, md5) values (:name, :md5)")
            connection.execute(record, {"name": file.stem, "md5": md5})


_COLUMNS = """
select
    pg_namespace.nspname || '.' || pg_class.relname as relation,
    pg_attribute.attname as name,
    format_type(pg_attribute.atttypid, null) as type
from pg_attribute
inner join pg_class on pg_attribute.attrelid = pg_class.oid
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    pg_namespace.nspname = any(:schemas)
    and pg_class.relkind in ('r', 'p')
    and not pg_class.relispartition
    and pg_class.oid <> to_regclass('installation.migration')
    and pg_attribute.attnum > 0
    and not pg_attribute.attisdropped
    and pg_attribute.attidentity <> 'a'
    and pg_attribute.attgenerated = ''
order by 1, pg_attribute.attnum
"""
# What columns hold that take few words only.
_CHOSEN = {
    "permission": "confirmed", "period": "day", "outcome": "send", "status": "open", "state": "accepted",
    "basis": "rhythm",
    "movement": "joined", "goods_kind": "soft", "rating": "5",
}  # fmt: skip
_CHOSEN_IN = {
    "delivery.attempt": {"outcome": "accepted"}, "source.orders": {"status": "placed"},
    "kpi.step_outcome": {"outcome": "delivered"},
}  # fmt: skip
_BY_TYPE = {
    "text": "word {n}", "character varying": "word {n}", "text[]": "{{word}}", "bigint": "{n}", "integer": "{n}",
    "numeric": "0.{n}", "double precision": "0.{n}", "boolean": "true",
    "timestamp with time zone": "2026-03-02 12:0{n}+00",
    "date": "2026-03-0{n}", "uuid": "00000000-0000-0000-0000-00000000000{n}", "jsonb": '{{"word": {n}}}',
    "json": '{{"word": {n}}}', "bytea": "\\x0{n}", "time without time zone": "08:0{n}", "smallint": "{n}",
}  # fmt: skip


def fill(warehouse: Engine) -> None:
    """Put two rows into every table, with a value in every column."""
    with warehouse.begin() as connection:
        for parent in ("event.event", "decision.decision"):
            connection.exec_driver_sql(f"select installation.ensure_month('{parent}', '2026-03-02')")
        found = connection.execute(sa.text(_COLUMNS), {"schemas": list(STAGES.values())}).all()
        tables: dict[str, dict[str, str]] = {}
        for row in found:
            tables.setdefault(row.relation, {})[row.name] = row.type
        for table, columns in tables.items():
            for number in (1, 2):
                values = {name: _value(table, name, kind, number) for name, kind in columns.items()}
                marks = ", ".join(f"cast(cast(:{name} as text) as {columns[name]})" for name in values)
                query = f"insert into {table} ({', '.join(values)}) values ({marks}) on conflict do nothing"  # noqa: S608
                connection.execute(sa.text(query), values)


def _value(table: str, column: str, kind: str, number: int) -> str:
    chosen = {**_CHOSEN, **_CHOSEN_IN.get(table, {})}.get(column)
    return chosen if chosen is not None else _BY_TYPE[kind].format(n=number)


def kept(warehouse: Engine) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table, as JSON objects."""
    with warehouse.connect() as connection:
        found = connection.execute(sa.text(_COLUMNS), {"schemas": list(STAGES.values())})
        tables = sorted({row.relation for row in found})
        return {
            table: [row[0] for row in connection.exec_driver_sql(f"select to_jsonb(kept) from {table} as kept")]  # noqa: S608
            for table in tables
        }
