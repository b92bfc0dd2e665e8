-- exit: purchase_moved
-- what: the order that the series is about belongs to another customer now, as after a guest's orders were given to an
--   account. What runs out is then that customer's to be reminded of, and no one else's.
-- grain: one row per moved order: enrollment_id, reason, exited_at
-- reads: series
-- applies: always
-- look-back: none
select
    series.enrollment_id,
    'purchase_moved' as reason,
    orders.ordered_at as exited_at
from series
inner join source.orders on orders.order_id = series.context ->> 'order_id' and series.customer_id <> orders.customer_id
-- By rhythm the series is about a person's habit and names no product.
where series.context ->> 'product_id' is not null
