-- The enrollment inside a message id.
create or replace function message.enrollment_of(message_id uuid) returns bigint
language sql immutable parallel safe as $$
    select ('x' || substr(replace(message_id::text, '-', ''), 1, 16))::bit(64)::bigint
$$;
