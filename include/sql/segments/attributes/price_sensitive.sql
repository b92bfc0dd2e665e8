-- attribute: price_sensitive
-- what: the customer buys mostly with offers. Cancelled orders do not count, refunded ones do
-- says: buys mostly with offers
-- type: boolean
-- absent: false
-- formula: at least two orders, and at least half of them with an offer code
-- history: facts
-- changes: orders
-- grain: customer_id
-- look-back: all orders up to as_of
select
    o.customer_id,
    true as value
from source.orders as o
where o.ordered_at <= cast(:as_of as timestamptz) and o.status <> 'cancelled'
group by o.customer_id
having count(*) >= 2 and count(o.offer_code) * 2 >= count(*)
