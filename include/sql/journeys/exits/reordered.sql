-- exit: reordered
-- what: the customer bought again what the series is about: the product, or a product of the type if the series names
--   no product. A cancelled or refunded order does not count.
-- grain: one row per order line: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the occurrence, which is the purchase that runs out
select
    series.enrollment_id,
    'reordered' as reason,
    orders.ordered_at as exited_at
from series
inner join source.orders on series.customer_id = orders.customer_id and series.occurred_at < orders.ordered_at
inner join source.order_line on orders.order_id = order_line.order_id
inner join source.product on order_line.product_id = product.product_id
where
    orders.status = 'placed'
    and (
        product.product_id = series.context ->> 'product_id'
        or (series.context ->> 'product_id' is null and product.product_type = series.context ->> 'product_type')
    )
