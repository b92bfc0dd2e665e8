-- The first moment at or after `at` that both the campaign's send window and the topic's quiet hours permit.
-- `zones` are one or several names with a blank between them (source.recipient): it is permitted in all of them.
-- null: there is none within eight days.
create or replace function decision.first_permitted(
    at timestamptz, zones text, window_opens time, window_closes time, quiet_begins time, quiet_ends time
) returns timestamptz
language plpgsql immutable parallel safe as $$
declare
    names text[];
    found_at timestamptz := at;
    moved_to timestamptz;
begin
    if zones not like '% %' then
        return decision.first_permitted_in(at, zones, window_opens, window_closes, quiet_begins, quiet_ends);
    end if;
    names := string_to_array(zones, ' ');
    while found_at <= at + interval '8 days' loop
        -- Zone by zone to its next permitted moment, until one is permitted in all.
        moved_to := found_at;
        for place in 1..cardinality(names) loop
            moved_to := decision.first_permitted_in(
                moved_to, names[place], window_opens, window_closes, quiet_begins, quiet_ends
            );
        end loop;
        if moved_to is null or moved_to = found_at then
            return moved_to;
        end if;
        found_at := moved_to;
    end loop;
    return null;
end
$$;
