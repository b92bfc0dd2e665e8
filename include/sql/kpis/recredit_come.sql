-- Look at the credit of orders, too, whose time has come.
-- grain: one row per order that is not there yet
-- now timestamptz
insert into kpi_recredited (order_id, customer_id, ordered_at)
select distinct
    orders.order_id,
    orders.customer_id,
    orders.ordered_at
from kpi_come as come
inner join source.orders
    on
        come.customer_id = orders.customer_id
        and orders.ordered_at between come.happens_at and cast(:now as timestamptz)
where not exists (select 1 from kpi_recredited where kpi_recredited.order_id = orders.order_id)
