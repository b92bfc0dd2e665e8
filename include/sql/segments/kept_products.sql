-- Counted products, as the refresh keeps them.
-- grain: product_id
-- look-back: that of the refresh
select
    product_orders.product_id,
    product_orders.orders
from segment.product_orders
