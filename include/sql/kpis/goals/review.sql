-- goal: review
-- what: the customer wrote a review.
-- reached-by: everyone
-- grain: one row per review
-- reads: asked
-- look-back: the window
select review.reviewed_at as reached_at
from asked
inner join source.review
    on asked.customer_id = review.customer_id and review.reviewed_at between asked.since and asked.till
where asked.goal = 'review'
