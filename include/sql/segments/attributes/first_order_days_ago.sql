-- attribute: first_order_days_ago
-- what: days since the customer's first order. Cancelled orders do not count, refunded ones do
-- says: placed the first order {} ago
-- type: instant
-- unit: days
-- direction: ago
-- time-of: ordered
-- history: facts
-- changes: orders
-- grain: customer_id
-- look-back: all orders up to as_of
select
    o.customer_id,
    o.first_order_at as value
from segment.orders_at(cast(:as_of as timestamptz)) as o
