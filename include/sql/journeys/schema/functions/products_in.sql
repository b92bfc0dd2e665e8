-- The products that a snapshot names under a key: an id, a list of ids, or a list of items with a product_id. In a
-- series of several occurrences each of them names its own.
create or replace function journey.products_in(context jsonb, key text) returns table (product_id text)
language sql immutable parallel safe as $$
    select distinct coalesce(one.value ->> 'product_id', one.value #>> '{}')
    from jsonb_array_elements(
        jsonb_build_array(context) || coalesce(context -> 'occurrences', '[]')
    ) as part (value)
    cross join lateral jsonb_array_elements(
        case jsonb_typeof(part.value -> key)
            when 'array' then part.value -> key
            else jsonb_build_array(part.value -> key)
        end
    ) as one (value)
    where part.value -> key is not null
$$;
