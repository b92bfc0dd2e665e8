-- A cursor takes one statement, and only one that returns rows. STABLE refuses whatever writes or locks rows.
-- SECURITY DEFINER gives the owner's rights, and lets neither `set role` nor set_config('role') give them back.
-- Names are looked up in pg_catalog alone. A row comes as JSON text, with its columns in their order.
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

-- Only a superuser, or a user that may create roles, can do this. Else the function stays with the present user.
do $$
begin
    if not exists (select from pg_roles where rolname = 'lifecycle_segments') then
        begin
            create role lifecycle_segments nologin;
        exception
            when duplicate_object or unique_violation then null;  -- another database of this server made it meanwhile
        end;
    end if;
    if not (select rolsuper from pg_roles where rolname = current_user) then
        grant lifecycle_segments to current_user;
    end if;
    grant create on schema source to lifecycle_segments;
    alter function source.read_feed(text, timestamptz) owner to lifecycle_segments;
    revoke create on schema source from lifecycle_segments;
    execute format('grant execute on function source.read_feed(text, timestamptz) to %I', current_user);
exception
    when insufficient_privilege then null;
end
$$;
