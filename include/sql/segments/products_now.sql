-- Counted products, as product_now has them.
-- grain: product_id
-- look-back: that of product_now
select
    product_now.product_id,
    product_now.orders
from product_now
