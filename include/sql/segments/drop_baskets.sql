-- Forget counted baskets of touched orders that do not count any more.
-- grain: one row per order
-- look-back: touched orders
delete from segment.basket
where
    basket.order_id in (
        select touched_order.order_id
        from touched_order
        left join basket_now on touched_order.order_id = basket_now.order_id
        where basket_now.order_id is null
    )
