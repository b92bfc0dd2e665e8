-- condition: bought
-- value: true
-- what: the customer placed an order by the due moment, since the enrollment; for a series about a cart, since the
--   cart's last change, or an order names the cart, also if a guest placed it. A cancelled order does not count.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: since the enrollment; for a series about a cart, since the cart's last change; for orders that name it,
--   since the cart was created
select asked.step_due_id
from asked
inner join source.orders
    on
        asked.customer_id = orders.customer_id
        and orders.ordered_at
        > case when asked.context ? 'cart_id' then asked.occurred_at else asked.enrolled_at end
where orders.status <> 'cancelled' and orders.ordered_at <= asked.due_at
union all
select asked.step_due_id
from asked
inner join source.cart on cart.cart_id = asked.context ->> 'cart_id'
inner join source.orders
    on cart.cart_id = orders.cart_id and source.is_since(orders.ordered_at, cart.created_at)
where orders.status <> 'cancelled' and orders.ordered_at <= asked.due_at
