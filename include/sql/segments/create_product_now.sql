-- Products counted at once in the baskets of basket_now. The table is dropped with the transaction.
-- grain: product_id
-- look-back: basket_now
create temporary table product_now on commit drop as
select
    named.product_id,
    count(*) as orders
from basket_now
cross join unnest(basket_now.product_ids) as named (product_id)
group by named.product_id
