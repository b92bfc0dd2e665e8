-- Let these orders be facts that came, or that left, for everyone for whom they count as they are stored now.
-- grain: one row per customer and order
insert into kpi_arrived (customer_id, happened_at)
select
    cart_order.customer_id,
    cart_order.ordered_at as happened_at
from kpi_named
inner join kpi.cart_order on kpi_named.order_id = cart_order.order_id
union
select
    cart_order.placed_by as customer_id,
    cart_order.ordered_at as happened_at
from kpi_named
inner join kpi.cart_order on kpi_named.order_id = cart_order.order_id
