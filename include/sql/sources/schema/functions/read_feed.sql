-- A cursor takes one statement, and only one that returns rows. STABLE refuses whatever writes or locks rows.
-- SECURITY DEFINER gives the owner's rights, and lets neither `set role` nor set_config('role') give them back.
-- Names are looked up in pg_catalog alone. A row comes as JSON text, with its columns in their order.
-- installation.grant_roles makes lifecycle_segments its owner.
create or replace function source.read_feed(query text, since timestamptz) returns setof text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    found record;
begin
    for found in execute query using since loop
        return next to_json(found)::text;
    end loop;
end
$$;

revoke all on function source.read_feed(text, timestamptz) from public;
