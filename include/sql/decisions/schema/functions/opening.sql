-- When mail may go to recipients in a zone, as of `at`. `local_day` is the zone's day at that moment. If the hours are
-- over, `opens_at` is the moment at which they open again, and `opens_day` the zone's day then. Both are null if mail
-- may go at once.
-- grain: one row
create or replace function decision.opening(
    at timestamptz, zone text, window_opens time, window_closes time, quiet_begins time, quiet_ends time
) returns table (local_day date, opens_at timestamptz, opens_day date)
language sql immutable parallel safe as $$
    select
        cast(at at time zone zone as date),
        later.opens_at,
        cast(later.opens_at at time zone zone as date)
    from (
        select
            nullif(
                decision.first_permitted(at, zone, window_opens, window_closes, quiet_begins, quiet_ends), at
            ) as opens_at
    ) as later
$$;
