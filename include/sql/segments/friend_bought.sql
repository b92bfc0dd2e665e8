-- segment: friend_bought
-- what: customers of whom a referred friend placed a first order in the last `days`
-- grain: customer_id, occurrence (the referral)
-- parameter: days: integer, days of 24 hours, default 7, 1 to 60, how long ago the friend's order is at most
-- look-back: `days` before as_of
-- context: referral_id, ordered_at (when the friend ordered)
-- about: referral_id
select
    r.customer_id,
    r.referral_id as occurrence,
    r.ordered_at as occurred_at,
    jsonb_build_object(
        'referral_id', r.referral_id,
        'ordered_at', to_char(r.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    ) as context
from source.referral as r
inner join source.customer as c on r.customer_id = c.customer_id
where
    r.ordered_at <= cast(:as_of as timestamptz)
    and r.ordered_at > cast(:as_of as timestamptz) - cast(:days as integer) * interval '24 hours'
    and r.referred_customer_id is distinct from r.customer_id
    and c.erased_at is null
