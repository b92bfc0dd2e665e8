-- What a segment's select costs and who reads it, found by the server without running it; if it `looks_inside`, also the
-- functions that the select names and may not, as texts, whether any is of another schema than PostgreSQL's and ours, and
-- the names and types of its columns.
--   A function may be named that is immutable or stable, in pg_catalog or in a schema of ours: it changes nothing and
--   reaches neither files nor the server. Of pg_catalog, what tells of the server or reads whole schemas is left out. Any
--   other function needs a grant to the reader by name. What runs with rights of its own is never permitted.
-- grain: one row
-- query text; looks_inside boolean; schemas text[]: ours
-- look-back: none
with weighed as (
    select
        w.reader,
        w.is_superuser,
        w.cost,
        w.functions,
        w.columns
    from segment.weigh_select(cast(:query as text), cast(:looks_inside as boolean)) as w
),

named as (
    select
        p.oid,
        s.nspname || '.' || p.proname as name,
        p.prosecdef,
        s.nspname = 'pg_catalog' or s.nspname = any(cast(:schemas as text[])) as is_known,
        p.provolatile <> 'v'
        and (
            s.nspname <> 'pg_catalog'
            or p.proname !~ '^(pg_|txid_|has_|inet_(client|server)_|current_setting$|(table|schema|database)_to_xml)'
            or p.proname in ('pg_typeof', 'pg_column_size', 'pg_input_is_valid', 'pg_size_pretty')
        ) as is_harmless,
        exists (
            select 1
            from aclexplode(p.proacl) as held
            inner join pg_catalog.pg_roles as r on held.grantee = r.oid
            where r.rolname = w.reader and held.grantee <> p.proowner and held.privilege_type = 'EXECUTE'
        ) as is_granted
    from weighed as w
    inner join pg_catalog.pg_proc as p on p.oid = any(w.functions)
    inner join pg_catalog.pg_namespace as s on p.pronamespace = s.oid
)

select
    w.reader,
    w.is_superuser,
    w.cost,
    w.columns,
    array(
        select n.name from named as n
        where n.prosecdef or not (n.is_granted or (n.is_known and n.is_harmless))
        order by n.name
    ) as refused,
    exists (select 1 from named as n where not n.is_known or not n.is_harmless) as is_granted_here
from weighed as w
