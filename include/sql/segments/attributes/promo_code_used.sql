-- attribute: promo_code_used
-- what: the customer placed an order with an offer code, or used a personal offer. Cancelled orders do not count
-- says: used a promo code
-- type: boolean
-- absent: false
-- history: facts
-- changes: orders, offers
-- grain: customer_id
-- look-back: all orders and offers up to as_of
select
    o.customer_id,
    true as value
from source.orders as o
where o.ordered_at <= cast(:as_of as timestamptz) and o.status <> 'cancelled' and o.offer_code is not null
union
select
    f.customer_id,
    true as value
from source.offer as f
where f.customer_id is not null and f.redeemed_at <= cast(:as_of as timestamptz)
