-- The first moment at or after `at` whose local time in `zone` lies in [opens, closes).
-- opens = closes means the whole day. opens > closes is a window over midnight. If daylight saving skips a local time,
-- PostgreSQL moves it forward by the skipped hour, and so does this function.
create or replace function decision.next_open(at timestamptz, zone text, opens time, closes time) returns timestamptz
language sql immutable parallel safe as $$
    select case
        when opens = closes then at
        when opens < closes and (at at time zone zone)::time >= opens and (at at time zone zone)::time < closes then at
        when opens > closes and ((at at time zone zone)::time >= opens or (at at time zone zone)::time < closes) then at
        when (at at time zone zone)::time < opens
            then decision.first_instant((at at time zone zone)::date + opens, zone, at)
        else decision.first_instant((at at time zone zone)::date + 1 + opens, zone, at)
    end
$$;
