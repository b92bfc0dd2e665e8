-- attribute: returns
-- what: how many of the customer's orders were refunded. When an order was refunded is not kept, so it counts from the
--   time of the order
-- says: returned {}
-- type: number
-- unit: orders
-- absent: 0
-- history: today
-- changes: orders
-- grain: customer_id
-- look-back: all orders up to as_of
select
    o.customer_id,
    count(*) as value
from source.orders as o
where o.ordered_at <= cast(:as_of as timestamptz) and o.status = 'refunded'
group by o.customer_id
