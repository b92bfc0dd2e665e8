-- Make the role with whose rights recipients' pages read, and give it its grants: two functions that take the id of a
-- mail. It reads no table, and writes nothing. `migrate` calls this at its end.
-- secret: the role may log in with this password; null = as before. An operator may also grant the role to a user.
-- Only a superuser, or a user that may create roles, can make the role.
create or replace function installation.grant_pages(secret text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if to_regrole('lifecycle_pages') is null then
        begin
            create role lifecycle_pages nologin;
        exception
            when insufficient_privilege then return;
            when duplicate_object or unique_violation then null;  -- another database of this server made it meanwhile
        end;
    end if;
    begin
        if secret is not null then
            execute format('alter role lifecycle_pages login password %L', secret);
            alter role lifecycle_pages set default_transaction_read_only = on;
            alter role lifecycle_pages set statement_timeout = '5s';
        end if;
    exception
        when insufficient_privilege then null;  -- someone else made the role
    end;
    grant usage on schema event to lifecycle_pages;
    grant execute on function event.page_of(uuid), event.copy_of(uuid) to lifecycle_pages;
end
$$;

revoke all on function installation.grant_pages(text) from public;
