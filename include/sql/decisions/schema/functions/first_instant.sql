-- The first instant at or after `at` at which clocks in `zone` show `local`. If clocks go back an hour and show it
-- twice, this is the first of the two.
create or replace function decision.first_instant(local timestamp, zone text, at timestamptz) returns timestamptz
language sql immutable parallel safe as $$
    select case
        when
            ((local at time zone zone) - interval '1 hour') at time zone zone = local
            and (local at time zone zone) - interval '1 hour' >= at
            then (local at time zone zone) - interval '1 hour'
        else local at time zone zone
    end
$$;
