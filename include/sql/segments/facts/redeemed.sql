-- fact: redeemed
-- what: a personal offer that was used, at the time that the feed gives
-- says: used a personal offer
-- counts: offer, offers
-- history: facts
-- changes: offers
-- grain: customer_id, fact_id
-- look-back: all personal offers up to as_of
select
    f.customer_id,
    f.offer_code as fact_id,
    f.redeemed_at as at
from source.offer as f
where f.customer_id is not null and f.redeemed_at <= cast(:as_of as timestamptz)
