-- Whose cart an order no longer names. The order closed that cart for any customer, and only the row before tells it.
create or replace function segment.note_unnamed_cart() returns trigger
language plpgsql as $$
begin
    insert into segment.moved_fact (customer_id, load_id)
    select
        c.customer_id,
        new.load_id
    from source.cart as c
    where c.cart_id = old.cart_id;
    return null;
end
$$;
create or replace trigger segment_unnamed_cart after update on source.orders for each row
when (old.cart_id is distinct from new.cart_id)
execute function segment.note_unnamed_cart();
