-- fact: referred
-- what: a friend whom the customer referred, whether or not the friend ordered
-- says: referred a friend
-- counts: friend, friends
-- history: facts
-- changes: referrals
-- grain: customer_id, fact_id
-- look-back: all referrals up to as_of
select
    r.customer_id,
    r.referral_id as fact_id,
    r.referred_at as at
from source.referral as r
where r.referred_at <= cast(:as_of as timestamptz)
