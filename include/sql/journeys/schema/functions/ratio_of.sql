-- A number in [0, 1) that is always the same for the same text. It decides who is held out and who gets which variant.
create or replace function journey.ratio_of(key text) returns double precision
language sql immutable parallel safe as $$
    select ('x' || substr(md5(key), 1, 8))::bit(32)::bigint / 4294967296.0::double precision
$$;
