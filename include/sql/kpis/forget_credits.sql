-- Take out the stored credits of these customers.
-- grain: one row an order
delete from kpi.order_credit
using kpi_buyer
where order_credit.customer_id = kpi_buyer.customer_id
