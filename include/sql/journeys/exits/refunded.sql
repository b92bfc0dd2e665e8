-- exit: refunded
-- what: the purchase that the series is about was undone: its order was cancelled or refunded, or no line with the
--   product, or with its type if the series names no product, is left with a quantity. If the series names neither, it
--   is about the whole order.
-- grain: one row per purchase that was undone: enrollment_id, reason, exited_at (no feed says when, so it is the load
--   that brought the news)
-- reads: series
-- look-back: the order that the series names
select
    series.enrollment_id,
    'refunded' as reason,
    (
        select max(load.started_at)
        from source.load
        where
            load.load_id in (
                select orders.load_id
                union all
                select line.load_id
                from source.order_line as line
                where line.order_id = orders.order_id
            )
    ) as exited_at
from series
inner join source.orders on series.context ->> 'order_id' = orders.order_id
where
    orders.status <> 'placed'
    or not exists (
        select 1
        from source.order_line
        left join source.product on order_line.product_id = product.product_id
        where
            order_line.order_id = orders.order_id
            and order_line.quantity > 0
            and coalesce(order_line.product_id = series.context ->> 'product_id', true)
            and (
                series.context ->> 'product_id' is not null
                or series.context ->> 'product_type' is null
                or product.product_type = series.context ->> 'product_type'
            )
    )
