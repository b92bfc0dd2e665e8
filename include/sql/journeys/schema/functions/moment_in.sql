-- The moment that a snapshot has under a key: a time with its offset, or a date, which begins at midnight in `zone`.
-- Null if it has none that can be read.
create or replace function journey.moment_in(context jsonb, key text, zone text) returns timestamptz
language sql stable parallel safe as $$
    select case
        when context ->> key ~ '^\d{4}-\d{2}-\d{2}$' and pg_input_is_valid(context ->> key, 'date')
            then cast(context ->> key as timestamp) at time zone zone
        when context ->> key ~ '^\d{4}-\d{2}-\d{2}[T ]' and pg_input_is_valid(context ->> key, 'timestamptz')
            then cast(context ->> key as timestamptz)
    end
$$;
