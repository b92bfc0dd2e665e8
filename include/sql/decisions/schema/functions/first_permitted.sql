-- The first moment at or after `at` that both the campaign's send window and the topic's quiet hours permit.
create or replace function decision.first_permitted(
    at timestamptz, zone text, window_opens time, window_closes time, quiet_begins time, quiet_ends time
) returns timestamptz
language sql immutable parallel safe as $$
    select decision.next_open(
        decision.next_open(
            decision.next_open(at, zone, window_opens, window_closes),
            zone, quiet_ends, quiet_begins
        ),
        zone, window_opens, window_closes
    )
$$;
