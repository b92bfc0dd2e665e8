-- What: the tables and views of our schemas with their comments, for docs/data_dictionary.md.
-- Grain: one row per table or view; partitions are left out. Sorted in the order of :schemas, then by name.
-- Parameters: schemas text[], schema names in the order wanted.
-- Look-back: none.
select
    namespace.nspname as schema_name,
    obj_description(namespace.oid, 'pg_namespace') as schema_comment,
    relation.relname as relation_name,
    relation.relkind as kind,
    pg_get_partkeydef(relation.oid) as partition_key,
    obj_description(relation.oid, 'pg_class') as comment
from pg_class as relation
inner join pg_namespace as namespace on relation.relnamespace = namespace.oid
where
    namespace.nspname = any(cast(:schemas as text[]))
    and relation.relkind in ('r', 'p', 'v', 'm')
    and not relation.relispartition
order by array_position(cast(:schemas as text[]), cast(namespace.nspname as text)), relation.relname
