-- Run a segment's select with the owner's rights, and return its rows. The caller says their columns.
-- SECURITY DEFINER gives the owner's rights, and lets neither `set role` nor set_config('role') give them back. STABLE
-- refuses whatever writes or locks rows. Names are looked up in pg_catalog alone, then among temporary tables.
-- `return query` may read with several processes; a loop over a cursor could not.
-- What the select says is to be weighed first (segment.weigh_select).
create or replace function segment.read_select(query text) returns setof record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query execute query;
end
$$;

revoke all on function segment.read_select(text) from public;
