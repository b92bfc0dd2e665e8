-- Look at a segment's select with the owner's rights, without running it. It must be one statement.
-- Grain: one row. reader: whose rights it runs with; is_superuser; cost: the planner's. If it `looks_inside`, also
-- functions: all that the select names, operators as their functions; columns: names and types of its rows.
-- PostgreSQL itself says which functions they are, in the parse tree of a temporary view. It has to find a function in
-- that tree that this text put there: else it writes trees in a way that is not known here, and nothing may run.
-- A loop opens a cursor, which takes one statement alone. Loops stay in use for the cost, because a planner without
-- them would give any price.
create or replace function segment.weigh_select(query text, looks_inside boolean)
returns table (reader text, is_superuser boolean, cost double precision, functions oid[], columns jsonb)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_nestloop = on
as $$
declare
    plan json;
    tree text;
begin
    for plan in execute 'explain (format json) ' || query loop
        cost := plan #>> '{0,Plan,Total Cost}';
    end loop;
    if looks_inside then
        execute format(
            E'create temporary view segment_weighed as '
            'select pg_backend_pid() as mark, weighed.* from (%s\n) as weighed', query
        );
        select pg_rewrite.ev_action into strict tree
        from pg_rewrite where pg_rewrite.ev_class = 'pg_temp.segment_weighed'::regclass;
        functions := array(
            select distinct coalesce(pg_operator.oprcode, named.oid)::oid
            from (
                select
                    found.parts[1] as operator,
                    unnest(string_to_array(coalesce(found.parts[2], found.parts[4]), ' '))::oid as oid
                from regexp_matches(
                    tree,
                    ':(opno|opnos|eqop|sortop) (?:\(o )?(\d+(?: \d+)*)'
                    '|:(funcid|aggfnoid|winfnoid|hashfuncid|negfuncid|startInRangeFunc|endInRangeFunc|tsmhandler) (\d+)',
                    'g'
                ) as found (parts)
            ) as named
            left join pg_operator on named.operator is not null and named.oid = pg_operator.oid
            where named.oid <> 0
        );
        if not 'pg_backend_pid()'::regprocedure = any(functions) then
            raise feature_not_supported using message = 'this server writes parse trees in an unknown way';
        end if;
        functions := array_remove(functions, 'pg_backend_pid()'::regprocedure::oid);
        select jsonb_object_agg(attname, format_type(atttypid, null)) into columns
        from pg_attribute
        where attrelid = 'pg_temp.segment_weighed'::regclass and attnum > 1;
        drop view pg_temp.segment_weighed;
    end if;
    select rolname, rolsuper into reader, is_superuser from pg_roles where rolname = current_user;
    return next;
end
$$;

revoke all on function segment.weigh_select(text, boolean) from public;
