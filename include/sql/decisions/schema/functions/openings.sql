-- The moments around a local day of `zone` at which permitted hours may begin: as the clock shows the end of the quiet
-- hours or the opening of the window, and as the clock changes. A time that the clock shows twice begins twice, and one
-- that it skips never begins.
-- grain: one row per moment
create or replace function decision.openings(
    local_day date, zone text, window_opens time, quiet_ends time
) returns table (opens_at timestamptz)
language plpgsql immutable parallel safe as $$
declare
    day_begins timestamptz := local_day::timestamp at time zone zone;
    before timestamptz := day_begins - interval '3 hours';
    after timestamptz := day_begins + interval '28 hours';
begin
    if before at time zone zone - before at time zone 'UTC' = after at time zone zone - after at time zone 'UTC' then
        return query values ((local_day + window_opens) at time zone zone), ((local_day + quiet_ends) at time zone zone);
        return;
    end if;
    -- The clock changes. PostgreSQL knows one moment per local time: those an hour or so away show it too, or instead.
    return query
        select moved.at
        from (values (local_day - 1), (local_day), (local_day + 1)) as near (day)
        cross join (values (window_opens), (quiet_ends)) as opening (shown)
        cross join lateral (
            select ((near.day + opening.shown) at time zone zone) + step * interval '30 minutes' as at
            from generate_series(-4, 4) as step
        ) as moved
        where moved.at at time zone zone = near.day + opening.shown
        union all
        select quarter.at
        from generate_series(before, after, interval '15 minutes') as quarter (at)
        where
            quarter.at at time zone zone - (quarter.at - interval '15 minutes') at time zone zone
            <> interval '15 minutes';
end
$$;
