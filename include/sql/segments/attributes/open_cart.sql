-- attribute: open_cart
-- what: the customer has an open cart with something in it that no order closed: none of the customer after its last
--   change, and none that names it since it was created. Cancelled orders and lines of quantity 0 do not count
-- says: has an open cart
-- type: boolean
-- absent: false
-- history: today
-- changes: carts, cart_lines, orders
-- grain: customer_id
-- look-back: all carts up to as_of; only the latest state of a cart is kept, so before its last change it is not there
select distinct
    k.customer_id,
    true as value
from source.cart as k
where
    k.status = 'open'
    and k.updated_at <= cast(:as_of as timestamptz)
    and exists (select 1 from source.cart_line as l where l.cart_id = k.cart_id and l.quantity > 0)
    and not exists (
        select 1 from source.orders as o
        where
            o.customer_id = k.customer_id
            and o.ordered_at > k.updated_at
            and o.ordered_at <= cast(:as_of as timestamptz)
            and o.status <> 'cancelled'
    )
    and not exists (
        select 1 from source.orders as o
        where
            o.cart_id = k.cart_id
            and o.ordered_at >= k.created_at
            and o.ordered_at <= cast(:as_of as timestamptz)
            and o.status <> 'cancelled'
    )
