-- Pairs counted at once in the baskets of basket_now. The table is dropped with the transaction.
-- grain: product_id, other_product_id (the key that comes later)
-- least_orders together
-- look-back: basket_now
create temporary table pair_now on commit drop as
select
    one.product_id,
    other.product_id as other_product_id,
    count(*) as orders
from basket_now
cross join unnest(basket_now.product_ids) with ordinality as one (product_id, position)
inner join unnest(basket_now.product_ids) with ordinality as other (product_id, position)
    on one.position < other.position
group by one.product_id, other.product_id
having count(*) >= cast(:least_orders as bigint)
