-- Delete for whom these orders counted.
-- grain: one row per order, campaign and customer
delete from kpi.cart_order
using kpi_named
where cart_order.order_id = kpi_named.order_id
