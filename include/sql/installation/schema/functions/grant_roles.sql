-- Make the role with whose rights segments and SQL feeds are read, make it the owner of the functions that read them,
-- and give it its grants. It needs temporary views to look into a select. `migrate` calls this at its end, so that what
-- it dropped and made again is granted too.
-- lifecycle_segments reads all of schema source but what was refused or erased, of events what people did with our
-- mails, the offers they gave, and the memberships. It cannot log in, and writes nothing.
-- Only a superuser, or a user that may create roles, can make the role. Else the functions stay with the present user.
create or replace function installation.grant_roles() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    reading text;
begin
    if to_regrole('lifecycle_segments') is null then
        begin
            create role lifecycle_segments nologin;
        exception
            when insufficient_privilege then return;
            when duplicate_object or unique_violation then null;  -- another database of this server made it meanwhile
        end;
    end if;
    begin
        if not pg_has_role(current_user, 'lifecycle_segments', 'usage') then
            grant lifecycle_segments to current_user;
        end if;
        grant create on schema source, segment to lifecycle_segments;
        foreach reading in array array[
            'source.read_feed(text, timestamptz)', 'segment.read_select(text)', 'segment.weigh_select(text, boolean)'
        ] loop
            execute format('alter function %s owner to lifecycle_segments', reading);
            execute format('grant execute on function %s to %I', reading, current_user);
        end loop;
        revoke create on schema source, segment from lifecycle_segments;
    exception
        when insufficient_privilege then null;  -- someone else made the role, and did not grant it
    end;
    if not has_database_privilege('lifecycle_segments', current_database(), 'temporary') then
        execute format('grant temporary on database %I to lifecycle_segments', current_database());
    end if;
    grant usage on schema source, segment, event, installation to lifecycle_segments;
    grant select on all tables in schema source to lifecycle_segments;
    revoke select on source.rejected, source.erased_address, source.sql_feed from lifecycle_segments;
    grant select on segment.membership, segment.moved_fact, segment.kept_value to lifecycle_segments;
    grant select on event.engagement, event.click to lifecycle_segments;
    grant select (sg_event_id, occurred_at, event, message_id, fact) on event.event to lifecycle_segments;
    grant usage on schema message to lifecycle_segments;
    grant select on message.given_offer, message.redeemed_offer to lifecycle_segments;
    grant select (code, is_shared) on message.offer_code to lifecycle_segments;
    grant select on installation.country_zone, installation.zone_basis to lifecycle_segments;
end
$$;

revoke all on function installation.grant_roles() from public;
