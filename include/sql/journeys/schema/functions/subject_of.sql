-- What an occurrence is about: the first of the keys `about` that its context has a value for, with that value. Null if
-- there is none.
create or replace function journey.subject_of(context jsonb, about text[]) returns text
language sql immutable parallel safe as $$
    select key.name || '=' || (context ->> key.name)
    from unnest(about) with ordinality as key (name, place)
    where context ->> key.name is not null
    order by key.place
    limit 1
$$;
