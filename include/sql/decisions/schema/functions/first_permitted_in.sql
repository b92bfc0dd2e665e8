-- The first moment at or after `at` whose local time in one zone both the send window and the quiet hours permit.
-- null: there is none within eight days.
create or replace function decision.first_permitted_in(
    at timestamptz, zone text, window_opens time, window_closes time, quiet_begins time, quiet_ends time
) returns timestamptz
language plpgsql immutable parallel safe as $$
declare
    found_at timestamptz;
begin
    if decision.is_permitted((at at time zone zone)::time, window_opens, window_closes, quiet_begins, quiet_ends) then
        return at;
    end if;
    for later in 0..8 loop
        select min(opening.opens_at) into found_at
        from decision.openings((at at time zone zone)::date + later, zone, window_opens, quiet_ends) as opening
        where
            opening.opens_at >= at
            and decision.is_permitted(
                (opening.opens_at at time zone zone)::time, window_opens, window_closes, quiet_begins, quiet_ends
            );
        if found_at is not null then
            return found_at;
        end if;
    end loop;
    return null;
end
$$;
