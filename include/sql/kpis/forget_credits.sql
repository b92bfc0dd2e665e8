-- Delete the stored credits of these orders.
-- grain: one row per order
delete from kpi.order_credit
using kpi_recredited
where order_credit.order_id = kpi_recredited.order_id
