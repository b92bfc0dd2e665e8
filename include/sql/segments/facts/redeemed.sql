-- fact: redeemed
-- what: an offer that the customer used: an order names the code of an offer that was given to a customer, or the feed
--   of offers says when a personal one was used. Cancelled orders do not count
-- says: used a personal offer
-- counts: offer, offers
-- history: facts
-- changes: offers, orders
-- grain: customer_id, fact_id
-- look-back: all offers up to as_of
select
    u.customer_id,
    u.fact_id,
    min(u.redeemed_at) as at
from (
    select
        f.customer_id,
        f.offer_code as fact_id,
        f.redeemed_at
    from source.offer as f
    where f.customer_id is not null
    union all
    select
        r.redeemed_by as customer_id,
        r.code as fact_id,
        r.redeemed_at
    from message.redeemed_offer as r
) as u
where u.redeemed_at <= cast(:as_of as timestamptz)
group by u.customer_id, u.fact_id
