"""What the schemas of a database are, as rows that two databases can be compared by.

`described` reads columns (with type, default, storage, statistics), constraints, indexes, triggers, functions, views,
partitions and comments of every schema of the product.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.schema import STAGES

_COLUMNS = """
select
    pg_namespace.nspname || '.' || pg_class.relname as relation,
    -- The place among the columns that are there: a dropped one keeps its number.
    row_number() over (partition by pg_class.oid order by pg_attribute.attnum) as place,
    pg_attribute.attname,
    format_type(pg_attribute.atttypid, pg_attribute.atttypmod) as type,
    pg_attribute.attnotnull,
    pg_attribute.attidentity,
    pg_attribute.attgenerated,
    pg_attribute.attstorage,
    coalesce(pg_attribute.attstattarget, -1) as statistics,
    pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid) as default_text,
    pg_collation.collname
from pg_attribute
inner join pg_class on pg_attribute.attrelid = pg_class.oid
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
left join pg_attrdef
    on pg_attribute.attrelid = pg_attrdef.adrelid and pg_attribute.attnum = pg_attrdef.adnum
left join pg_collation on pg_attribute.attcollation = pg_collation.oid
where
    pg_namespace.nspname = any(:schemas)
    and pg_class.relkind in ('r', 'p', 'v')
    and pg_attribute.attnum > 0
    and not pg_attribute.attisdropped
"""
_CONSTRAINTS = """
select
    cast(cast(pg_constraint.conrelid as regclass) as text),
    pg_constraint.conname,
    pg_get_constraintdef(pg_constraint.oid)
from pg_constraint
inner join pg_namespace on pg_constraint.connamespace = pg_namespace.oid
where pg_namespace.nspname = any(:schemas) and pg_constraint.contype <> 'n'
"""
_INDEXES = "select tablename, indexname, indexdef from pg_indexes where schemaname = any(:schemas)"
_TRIGGERS = """
select cast(cast(pg_trigger.tgrelid as regclass) as text), pg_get_triggerdef(pg_trigger.oid)
from pg_trigger
inner join pg_class on pg_trigger.tgrelid = pg_class.oid
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where pg_namespace.nspname = any(:schemas) and not pg_trigger.tgisinternal
"""
_FUNCTIONS = """
select cast(cast(pg_proc.oid as regprocedure) as text), pg_get_functiondef(pg_proc.oid)
from pg_proc
inner join pg_namespace on pg_proc.pronamespace = pg_namespace.oid
where pg_namespace.nspname = any(:schemas)
"""
_VIEWS = """
select cast(cast(pg_class.oid as regclass) as text), pg_get_viewdef(pg_class.oid)
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where pg_namespace.nspname = any(:schemas) and pg_class.relkind = 'v'
"""
_PARTITIONS = """
select
    cast(cast(pg_class.oid as regclass) as text),
    pg_get_partkeydef(pg_class.oid),
    pg_get_expr(pg_class.relpartbound, pg_class.oid)
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where pg_namespace.nspname = any(:schemas)
"""
_COMMENTS = """
select pg_describe_object(pg_description.classoid, pg_description.objoid, pg_description.objsubid), description
from pg_description
cross join lateral pg_identify_object(
    pg_description.classoid, pg_description.objoid, pg_description.objsubid
) as identified
where identified.schema = any(:schemas) or (identified.type = 'schema' and identified.identity = any(:schemas))
"""
_KINDS = {
    "columns": _COLUMNS, "constraints": _CONSTRAINTS, "indexes": _INDEXES, "triggers": _TRIGGERS,
    "functions": _FUNCTIONS, "views": _VIEWS, "partitions": _PARTITIONS, "comments": _COMMENTS,
}  # fmt: skip


def described(warehouse: Engine) -> dict[str, set[tuple[Any, ...]]]:
    """Return the schemas of `warehouse` as rows, by kind."""
    with warehouse.connect() as connection:
        return {
            kind: {tuple(row) for row in connection.execute(sa.text(query), {"schemas": list(STAGES.values())})}
            for kind, query in _KINDS.items()
        }
