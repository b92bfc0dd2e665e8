-- What a snapshot is about, if that is a thing that may move to another customer: its cart, or its purchase of a
-- product. Null if it is about nothing of the kind. The indexes by thing have this expression.
create or replace function journey.thing_of(context jsonb) returns text
language sql immutable parallel safe as $$
    select coalesce(context ->> 'cart_id', (context ->> 'order_id') || '/' || (context ->> 'product_id'))
$$;
