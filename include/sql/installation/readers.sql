-- Views and materialized views that read any of the given functions and views, directly or through another view.
-- grain: one row per view that is not given itself
-- identities text[]: functions with their argument types, views
with recursive given as (
    select
        cast(identity as text) as identity,
        case
            when identity like '%(%' then cast(to_regprocedure(identity) as oid)
            else cast(to_regclass(identity) as oid)
        end as object_id
    from unnest(cast(:identities as text[])) as identity
),

reading as (
    select given.object_id from given
    union
    select pg_rewrite.ev_class as object_id
    from reading
    inner join pg_depend
        on reading.object_id = pg_depend.refobjid and pg_depend.classid = cast('pg_rewrite' as regclass)
    inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid
)

select cast(cast(reading.object_id as regclass) as text) as identity
from reading
inner join pg_class on reading.object_id = pg_class.oid
where reading.object_id not in (select given.object_id from given)
order by 1
