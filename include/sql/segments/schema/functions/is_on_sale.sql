-- Whether a product may be recommended at `as_of`: the shop sells it then, and it costs something.
-- grain: one value. PostgreSQL inlines the function
create or replace function segment.is_on_sale(
    price numeric, available_from timestamptz, available_until timestamptz, as_of timestamptz
)
returns boolean
language sql immutable parallel safe as $$
    select
        coalesce(price > 0, false)
        and coalesce(available_from <= as_of, true)
        and coalesce(available_until > as_of, true)
$$;
