-- What a segment's select costs and who reads it. The server finds it out without running the select. If it
-- `looks_inside`, also the functions that the select names and may not, whether any function needs a grant, and names
-- and types of its columns.
--   A select may name a function that is immutable or stable, in pg_catalog or in a schema of ours: it changes nothing,
--   and reaches neither files nor the server. Functions of pg_catalog that report on the server or read whole schemas
--   are left out. Any other function needs a grant to the reader by name. One with rights of its own is never
--   permitted.
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
        p.provolatile <> 'v'
        and case
            when s.nspname = 'pg_catalog'
                then
                    p.proname
                    !~ '^(pg|txid|has|inet_client|inet_server|current_setting|(table|schema|database)_to)(_|$)'
                    or p.proname in ('pg_typeof', 'pg_column_size', 'pg_input_is_valid', 'pg_size_pretty')
            else s.nspname = any(cast(:schemas as text[]))
        end as is_permitted,
        w.reader in (
            select r.rolname
            from aclexplode(p.proacl) as held
            inner join pg_catalog.pg_roles as r on held.grantee = r.oid
            where held.grantee <> p.proowner and held.privilege_type = 'EXECUTE'
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
    (
        select coalesce(array_agg(n.name order by n.name), '{}') from named as n
        where n.prosecdef or not (n.is_granted or n.is_permitted)
    ) as refused,
    (select coalesce(bool_or(not n.is_permitted), false) from named as n) as needs_grants
from weighed as w
