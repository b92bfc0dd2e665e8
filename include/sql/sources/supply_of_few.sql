-- What: the supplies of the touched customers, computed from their facts customer by customer.
-- Grain: one row per (customer, basis, item).
-- Parameters: none. Look-back: all orders of the touched customers, by index.
create temporary table supply_now on commit drop as
select
    supply.customer_id,
    supply.basis,
    supply.item,
    supply.order_id,
    supply.line_no,
    supply.ordered_at,
    supply.quantity,
    supply.newest_at,
    supply.runs_out_at,
    supply.reorder_at
from source.supply_at('infinity') as supply
where supply.customer_id = any(array(select supply_touched.customer_id from supply_touched))
