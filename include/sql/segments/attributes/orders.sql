-- attribute: orders
-- what: how many orders the customer placed. Cancelled ones do not count, refunded ones do
-- says: placed {} in all
-- type: number
-- unit: orders
-- absent: 0
-- formula: number of orders that were not cancelled
-- history: facts
-- changes: orders
-- grain: customer_id
-- look-back: all orders up to as_of
select
    o.customer_id,
    o.orders as value
from segment.orders_at(cast(:as_of as timestamptz)) as o
