-- What: compute the order columns in the activity of touched customers from their orders.
-- A cancelled order never counts.
-- Grain: one row per touched customer whose row differs.
-- Parameters: none. Look-back: all orders of the touched customers, by index.
insert into source.customer_activity as activity (customer_id, first_order_at, last_order_at, order_count)
select
    touched.customer_id,
    min(orders.ordered_at) as first_order_at,
    max(orders.ordered_at) as last_order_at,
    count(orders.order_id) as order_count
from touched
left join source.orders on touched.customer_id = orders.customer_id and orders.status <> 'cancelled'
group by touched.customer_id
order by touched.customer_id
on conflict (customer_id) do update
    set
        first_order_at = excluded.first_order_at,
        last_order_at = excluded.last_order_at,
        order_count = excluded.order_count
    where
    (activity.first_order_at, activity.last_order_at, activity.order_count)
    is distinct from (excluded.first_order_at, excluded.last_order_at, excluded.order_count)
