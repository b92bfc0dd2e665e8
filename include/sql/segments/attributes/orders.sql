-- attribute: orders
-- what: how many orders the customer placed; cancelled ones do not count
-- says: placed {} in all
-- type: number
-- unit: orders
-- absent: 0
-- history: facts
-- changes: orders
-- grain: customer_id
-- look-back: all orders up to as_of
select
    o.customer_id,
    count(*) as value
from source.orders as o
where o.ordered_at <= cast(:as_of as timestamptz) and o.status <> 'cancelled'
group by o.customer_id
