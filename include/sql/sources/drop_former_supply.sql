-- What: delete supplies of touched customers that their facts no longer show.
-- Grain: one row per (customer, basis, item).
-- Parameters: none. Look-back: none.
delete from source.supply
using supply_touched
where
    supply.customer_id = supply_touched.customer_id
    and not exists (
        select 1 from supply_now
        where
            supply_now.customer_id = supply.customer_id
            and supply_now.basis = supply.basis
            and supply_now.item = supply.item
    )
