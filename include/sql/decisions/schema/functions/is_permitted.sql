-- Whether a local time lies in the send window and outside the quiet hours. Both are half-open. A window over midnight
-- closes earlier than it opens. Opens = closes means the whole day, begins = ends means no quiet hours.
create or replace function decision.is_permitted(
    local_time time, window_opens time, window_closes time, quiet_begins time, quiet_ends time
) returns boolean
language sql immutable parallel safe as $$
    select
        case
            when window_opens = window_closes then true
            when window_opens < window_closes then local_time >= window_opens and local_time < window_closes
            else local_time >= window_opens or local_time < window_closes
        end
        and not case
            when quiet_begins = quiet_ends then false
            when quiet_begins < quiet_ends then local_time >= quiet_begins and local_time < quiet_ends
            else local_time >= quiet_begins or local_time < quiet_ends
        end
$$;
