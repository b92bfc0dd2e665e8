-- When mail may go to someone of `zones` (names as in source.recipient), asked at `at`. If the hours are over,
-- `opens_at` is the moment they open and `opens_day` the local day then. Both are null if mail may go at once.
-- is_never: the zones have no permitted hour in common.
-- grain: one row
create or replace function decision.opening(
    at timestamptz, zones text, window_opens time, window_closes time, quiet_begins time, quiet_ends time
) returns table (is_never boolean, opens_at timestamptz, opens_day date)
language sql immutable parallel safe as $$
    select
        permitted.at is null,
        nullif(permitted.at, opening.at),
        cast(nullif(permitted.at, opening.at) at time zone split_part(opening.zones, ' ', 1) as date)
    from (
        select decision.first_permitted(
            opening.at, opening.zones, window_opens, window_closes, quiet_begins, quiet_ends
        ) as at
    ) as permitted
$$;
