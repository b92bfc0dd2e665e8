-- goal: referred
-- what: a friend whom the customer referred placed the first order.
-- reached-by: everyone
-- grain: one row per friend who ordered
-- reads: asked
-- look-back: the window
select referral.ordered_at as reached_at
from asked
inner join source.referral
    on asked.customer_id = referral.customer_id and referral.ordered_at between asked.since and asked.till
where asked.goal = 'referred'
