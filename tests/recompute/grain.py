"""The grain of each table and view of schema kpi, as its comment says it ("one row per campaign, step and arm")."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

_GRAIN = re.compile(r"[Oo]ne row per ([^.;:]+)")
_BETWEEN = re.compile(r",\s*(?:and\s+)?|\s+and\s+")
WORDS = {
    "reporting day": "day", "arm": "variant", "enrollment": "enrollment_id", "order": "order_id",
    "customer": "customer_id", "load": "load_id", "run": "roll_up_id", "watermark": "name",
}  # fmt: skip
"""What a comment calls a column that has another name."""

RELATIONS = sa.text("""
select
    pg_class.relname as name,
    coalesce(obj_description(pg_class.oid), '') as said,
    array(
        select cast(pg_attribute.attname as text)
        from pg_attribute
        where pg_attribute.attrelid = pg_class.oid and pg_attribute.attnum > 0 and not pg_attribute.attisdropped
    ) as columns,
    array(
        select cast(pg_attribute.attname as text)
        from pg_index
        inner join pg_attribute
            on pg_index.indrelid = pg_attribute.attrelid and pg_attribute.attnum = any(pg_index.indkey)
        where pg_index.indrelid = pg_class.oid and pg_index.indisprimary
    ) as key
from pg_class
where pg_class.relnamespace = cast('kpi' as regnamespace) and pg_class.relkind in ('r', 'v')
order by pg_class.relname
""")


@dataclass(frozen=True)
class Relation:
    """A table or view: its columns, its primary key if it has one, and the columns of its grain (None: not said)."""

    name: str
    columns: frozenset[str]
    key: frozenset[str]
    grain: frozenset[str] | None


def relations(warehouse: Engine) -> list[Relation]:
    """Every table and view of schema kpi."""
    with warehouse.connect() as connection:
        return [
            Relation(row.name, frozenset(row.columns), frozenset(row.key), _grain(row.said, set(row.columns)))
            for row in connection.execute(RELATIONS)
        ]


def _grain(said: str, columns: set[str]) -> frozenset[str] | None:
    found = _GRAIN.search(" ".join(said.split()))
    if not found or "rows may repeat" in said:
        return None
    words = [word.strip() for word in _BETWEEN.split(found[1])]
    return frozenset(word if word in columns else WORDS.get(word, word) for word in words)


def repeated(warehouse: Engine) -> list[str]:
    """Return one line per table and view in which two rows have the same grain."""
    with warehouse.connect() as connection:
        known = [one for one in relations(warehouse) if one.grain is not None]
        return [f"{one.name} repeats {', '.join(sorted(one.grain))}" for one in known if _repeats(connection, one)]


def _repeats(connection: Connection, relation: Relation) -> bool:
    by = ", ".join(sorted(relation.grain or ()))
    query = f"select 1 from kpi.{relation.name} group by {by} having count(*) > 1 limit 1"  # noqa: S608
    return connection.execute(sa.text(query)).first() is not None
