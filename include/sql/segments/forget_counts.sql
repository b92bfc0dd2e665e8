-- Forget what was counted of orders, so that everything is counted again.
-- grain: one row per order, product and pair
-- look-back: none
with forgotten_pair as (delete from segment.pair_orders),

forgotten_product as (delete from segment.product_orders)

delete from segment.basket
