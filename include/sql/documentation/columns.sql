-- What: the columns of our schemas' tables and views with their comments, for docs/data_dictionary.md.
-- Grain: one row per column; partitions are left out. Sorted by schema (in the order of :schemas), relation, place.
-- Parameters: schemas text[], schema names in the order wanted.
-- Look-back: none.
select
    namespace.nspname as schema_name,
    relation.relname as relation_name,
    attribute.attname as column_name,
    format_type(attribute.atttypid, attribute.atttypmod) as type,
    not attribute.attnotnull as is_nullable,
    case
        when attribute.attidentity <> '' then 'identity'
        when attribute.attgenerated <> ''
            then 'generated: ' || pg_get_expr(attribute_default.adbin, attribute_default.adrelid)
        else pg_get_expr(attribute_default.adbin, attribute_default.adrelid)
    end as default_text,
    coalesce(attribute.attnum = any(primary_key.conkey), false) as is_key,
    col_description(relation.oid, attribute.attnum) as comment
from pg_class as relation
inner join pg_namespace as namespace on relation.relnamespace = namespace.oid
inner join pg_attribute as attribute on relation.oid = attribute.attrelid
left join pg_attrdef as attribute_default
    on attribute.attrelid = attribute_default.adrelid and attribute.attnum = attribute_default.adnum
left join pg_constraint as primary_key
    on relation.oid = primary_key.conrelid and primary_key.contype = 'p'
where
    namespace.nspname = any(cast(:schemas as text[]))
    and relation.relkind in ('r', 'p', 'v', 'm')
    and not relation.relispartition
    and attribute.attnum > 0
    and not attribute.attisdropped
order by
    array_position(cast(:schemas as text[]), cast(namespace.nspname as text)),
    relation.relname,
    attribute.attnum
