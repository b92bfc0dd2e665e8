-- fact: carted
-- what: a cart with something in it, whatever became of it, at the time of its last change. Lines of quantity 0 do not
--   count
-- says: put {} into a cart
-- counts: cart, carts
-- filters: product_id, product_type, category
-- lines: source.cart_line by cart_id
-- history: today
-- changes: carts, cart_lines, products
-- grain: customer_id, fact_id
-- look-back: all carts up to as_of; only the latest state of a cart is kept, so before its last change it is not there
select
    k.customer_id,
    k.cart_id as fact_id,
    k.updated_at as at
from source.cart as k
where
    k.updated_at <= cast(:as_of as timestamptz)
    and exists (select 1 from source.cart_line as l where l.cart_id = k.cart_id and l.quantity > 0)
