-- exit: topic_bought
-- what: the customer bought in the topic that the series is about: an order of a product whose type, category or name
--   is the topic; upper and lower case are one. A cancelled order does not count.
-- grain: one row per order line: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the occurrence, which is the last look at the topic before the enrollment
select
    series.enrollment_id,
    'topic_bought' as reason,
    orders.ordered_at as exited_at
from series
inner join source.orders on series.customer_id = orders.customer_id and series.occurred_at < orders.ordered_at
inner join source.order_line on orders.order_id = order_line.order_id
inner join source.product on order_line.product_id = product.product_id
where
    orders.status <> 'cancelled'
    and lower(series.context ->> 'topic')
    in (lower(product.product_type), lower(product.category), lower(product.name))
