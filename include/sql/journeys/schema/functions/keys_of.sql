-- What is left of a snapshot when its customer is erased: the keys that journey.thing_of reads.
create or replace function journey.keys_of(context jsonb) returns jsonb
language sql immutable parallel safe as $$
    select case
        when context ? 'cart_id' then jsonb_build_object('cart_id', context -> 'cart_id')
        when context ? 'order_id' and context ? 'product_id'
            then jsonb_build_object('order_id', context -> 'order_id', 'product_id', context -> 'product_id')
        else '{}'
    end
$$;
