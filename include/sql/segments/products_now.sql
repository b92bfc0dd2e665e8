-- Products counted at once in the baskets of basket_now.
-- grain: product_id
-- look-back: basket_now
select
    named.product_id,
    count(*) as orders
from basket_now
cross join unnest(basket_now.product_ids) as named (product_id)
group by named.product_id
