-- attribute: price_sensitivity
-- what: the share of the customer's orders that used an offer, from 0 to 1. Cancelled orders do not count, refunded
--   ones do. Who never ordered has none
-- says: used an offer in a share of {} of the orders
-- type: number
-- formula: orders with an offer code by all orders, rounded to four decimals
-- history: facts
-- changes: orders
-- grain: customer_id
-- look-back: all orders up to as_of
select
    o.customer_id,
    round(count(o.offer_code) / cast(count(*) as numeric), 4) as value
from source.orders as o
where o.ordered_at <= cast(:as_of as timestamptz) and o.status <> 'cancelled'
group by o.customer_id
