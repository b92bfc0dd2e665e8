-- Count the difference of baskets: in how many orders each product lies.
-- grain: one row per product
-- look-back: basket_change
merge into segment.product_orders as counted
using (
    select
        named.product_id,
        sum(basket_change.orders) as orders
    from basket_change
    cross join unnest(basket_change.product_ids) as named (product_id)
    group by named.product_id
    having sum(basket_change.orders) <> 0
) as changed
    on counted.product_id = changed.product_id
when matched and counted.orders + changed.orders = 0 then delete
when matched then update set orders = counted.orders + changed.orders
when not matched then insert (product_id, orders) values (changed.product_id, changed.orders)
