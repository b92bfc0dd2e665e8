-- Counted pairs, as the refresh keeps them.
-- grain: product_id, other_product_id (the key that comes later)
-- look-back: that of the refresh
select
    pair_orders.product_id,
    pair_orders.other_product_id,
    pair_orders.orders
from segment.pair_orders
