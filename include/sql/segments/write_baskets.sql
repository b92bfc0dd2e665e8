-- Keep what is counted of each touched order.
-- grain: one row per order
-- look-back: touched orders
insert into segment.basket (order_id, ordered_at, product_ids)
select
    basket_now.order_id,
    basket_now.ordered_at,
    basket_now.product_ids
from basket_now
on conflict (order_id) do update
    set ordered_at = excluded.ordered_at, product_ids = excluded.product_ids
    where (basket.ordered_at, basket.product_ids) is distinct from (excluded.ordered_at, excluded.product_ids)
