-- Keep for later the orders that are dated ahead, of those whose credit is looked at.
-- grain: one row per order
-- now timestamptz
insert into kpi.ahead (happens_at, about, customer_id)
select
    orders.ordered_at as happens_at,
    'order' as about,
    orders.customer_id
from kpi_recredited
inner join source.orders on kpi_recredited.order_id = orders.order_id
where orders.ordered_at > cast(:now as timestamptz)
