-- Count the difference of baskets: in how many orders two products lie together.
-- grain: one row per pair
-- look-back: basket_change
merge into segment.pair_orders as counted
using (
    select
        one.product_id,
        other.product_id as other_product_id,
        sum(basket_change.orders) as orders
    from basket_change
    cross join unnest(basket_change.product_ids) with ordinality as one (product_id, position)
    inner join unnest(basket_change.product_ids) with ordinality as other (product_id, position)
        on one.position < other.position
    group by one.product_id, other.product_id
    having sum(basket_change.orders) <> 0
) as changed
    on counted.product_id = changed.product_id and counted.other_product_id = changed.other_product_id
when matched and counted.orders + changed.orders = 0 then delete
when matched then update set orders = counted.orders + changed.orders
when not matched
then
    insert (product_id, other_product_id, orders)
    values (changed.product_id, changed.other_product_id, changed.orders)
