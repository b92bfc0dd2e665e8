-- Every function (with its argument types) and view of one name.
-- grain: one row per object
-- schema, name text
select cast(cast(pg_proc.oid as regprocedure) as text) as identity
from pg_proc
inner join pg_namespace on pg_proc.pronamespace = pg_namespace.oid
where pg_namespace.nspname = cast(:schema as text) and pg_proc.proname = cast(:name as text)
union all
select cast(cast(pg_class.oid as regclass) as text) as identity
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    pg_namespace.nspname = cast(:schema as text)
    and pg_class.relname = cast(:name as text)
    and pg_class.relkind = 'v'
