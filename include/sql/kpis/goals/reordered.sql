-- goal: reordered
-- what: the customer bought again what the series is about: a product that it names, or a product of the type if it
--   names none. A cancelled or refunded order does not count, nor does a line of quantity 0.
-- reached-by: everyone
-- grain: one row per order line
-- reads: asked
-- look-back: the window
select orders.ordered_at as reached_at
from asked
inner join source.orders
    on asked.customer_id = orders.customer_id and orders.ordered_at between asked.since and asked.till
inner join source.order_line on orders.order_id = order_line.order_id
inner join source.product on order_line.product_id = product.product_id
where
    asked.goal = 'reordered'
    and orders.status = 'placed'
    and order_line.quantity > 0
    and exists (
        select 1
        from (
            select enrollment.context
            from journey.enrollment
            where enrollment.enrollment_id = asked.enrollment_id
            union all
            -- A series of several occurrences loses those that end; a mail of it was about all of them.
            select occurrence.context
            from journey.occurrence
            where occurrence.enrollment_id = asked.enrollment_id and occurrence.fate in ('enrolled', 'joined')
        ) as about
        where
            about.context ->> 'product_id' = product.product_id
            or (
                about.context ->> 'product_id' is null
                and about.context ->> 'product_type' = product.product_type
            )
    )
