-- condition: bought_product
-- value: context_key
-- what: the customer bought a product that the occurrence names under that key: a product id, a list of ids, or a list
--   of items that have a product_id. A cancelled or refunded order does not count, nor does a line of quantity 0.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: since the occurrence, or the enrollment if that was earlier
select asked.step_due_id
from asked
cross join journey.products_in(asked.context, asked.value ->> 'key') as named
inner join source.orders
    on
        asked.customer_id = orders.customer_id
        and orders.ordered_at > least(asked.occurred_at, asked.enrolled_at)
inner join source.order_line on orders.order_id = order_line.order_id and named.product_id = order_line.product_id
where orders.status = 'placed' and order_line.quantity > 0 and orders.ordered_at <= asked.due_at
