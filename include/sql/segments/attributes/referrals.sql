-- attribute: referrals
-- what: how many friends the customer referred
-- says: referred {}
-- type: number
-- unit: friends
-- absent: 0
-- history: facts
-- changes: referrals
-- grain: customer_id
-- look-back: all referrals up to as_of
select
    r.customer_id,
    count(*) as value
from source.referral as r
where r.referred_at <= cast(:as_of as timestamptz)
group by r.customer_id
