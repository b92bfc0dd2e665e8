-- goal: order
-- what: the customer placed an order that was not cancelled. An order of a cart counts for the customers of the
--   campaign's series about the cart (kpi.cart_order), and not for another.
-- reached-by: everyone
-- grain: one row per order
-- reads: asked
-- look-back: the window
select orders.ordered_at as reached_at
from asked
inner join source.orders
    on asked.customer_id = orders.customer_id and orders.ordered_at between asked.since and asked.till
where
    asked.goal = 'order'
    and orders.status <> 'cancelled'
    and not exists (
        select 1
        from kpi.cart_order
        where cart_order.order_id = orders.order_id and cart_order.campaign = asked.campaign
    )
union all
select orders.ordered_at as reached_at
from asked
inner join kpi.cart_order
    on
        asked.customer_id = cart_order.customer_id
        and asked.campaign = cart_order.campaign
        and cart_order.ordered_at between asked.since and asked.till
inner join source.orders on cart_order.order_id = orders.order_id
where
    asked.goal = 'order'
    and orders.status <> 'cancelled'
    and (cart_order.is_first or not asked.first_alone)
