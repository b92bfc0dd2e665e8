-- What: the supplies of the touched customers, computed from the facts of all customers; for a first load.
-- Grain: one row per (customer, basis, item).
-- Parameters: none. Look-back: all orders.
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
where exists (select 1 from supply_touched where supply_touched.customer_id = supply.customer_id)
