-- attribute: last_promo_code
-- what: the offer code of the customer's newest order that has one. Cancelled orders do not count
-- says: last used the promo code {}
-- type: text
-- unit: code as the feed writes it
-- formula: of several orders at that time, the one with the last order_id
-- history: facts
-- changes: orders
-- grain: customer_id
-- look-back: all orders up to as_of
select distinct on (o.customer_id)
    o.customer_id,
    o.offer_code as value
from source.orders as o
where o.ordered_at <= cast(:as_of as timestamptz) and o.status <> 'cancelled' and o.offer_code is not null
order by o.customer_id asc, o.ordered_at desc, o.order_id desc
