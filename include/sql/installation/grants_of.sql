-- What other roles may do with the given functions and views, as statements that grant it again.
-- grain: one row per object, role and privilege
-- identities text[]: functions with their argument types, views
with held as (
    select
        given.identity,
        'function' as kind,
        acl.grantee,
        acl.privilege_type,
        acl.is_grantable
    from unnest(cast(:identities as text[])) as given (identity)
    inner join pg_proc on pg_proc.oid = to_regprocedure(given.identity)
    cross join aclexplode(pg_proc.proacl) as acl
    where acl.grantee <> pg_proc.proowner
    union all
    select
        given.identity,
        'table' as kind,
        acl.grantee,
        acl.privilege_type,
        acl.is_grantable
    from unnest(cast(:identities as text[])) as given (identity)
    inner join pg_class on pg_class.oid = to_regclass(given.identity)
    cross join aclexplode(pg_class.relacl) as acl
    where acl.grantee <> pg_class.relowner
)

select
    format(
        'grant %s on %s %s to %s%s',
        held.privilege_type,
        held.kind,
        held.identity,
        case held.grantee when 0 then 'public' else cast(cast(held.grantee as regrole) as text) end,
        case when held.is_grantable then ' with grant option' end
    ) as statement
from held
order by 1
