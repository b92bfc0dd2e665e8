-- The moment that a snapshot has under a key: a time with its offset, or a date, which begins at midnight in `zone`.
-- Null if it has none that can be read.
create or replace function journey.moment_in(context jsonb, key text, zone text) returns timestamptz
language plpgsql stable parallel unsafe as $$
declare
    said text := context ->> key;
begin
    if said ~ '^\d{4}-\d{2}-\d{2}$' then
        return said::timestamp at time zone zone;
    elsif said ~ '^\d{4}-\d{2}-\d{2}[T ]' then
        return said::timestamptz;
    end if;
    return null;
exception
    when datetime_field_overflow or invalid_datetime_format then
        return null;
end
$$;
