-- goal: activity
-- what: a sign of life: an order that was not cancelled, a page view, or a review. Opens and clicks do not count: only
--   mailed people have them, and the lift would count the mail itself.
-- reached-by: everyone
-- grain: one row per sign
-- reads: asked
-- look-back: the window
select orders.ordered_at as reached_at
from asked
inner join source.orders
    on asked.customer_id = orders.customer_id and orders.ordered_at between asked.since and asked.till
where asked.goal = 'activity' and orders.status <> 'cancelled'
union all
select page_view.viewed_at as reached_at
from asked
inner join source.page_view
    on asked.customer_id = page_view.customer_id and page_view.viewed_at between asked.since and asked.till
where asked.goal = 'activity'
union all
select review.reviewed_at as reached_at
from asked
inner join source.review
    on asked.customer_id = review.customer_id and review.reviewed_at between asked.since and asked.till
where asked.goal = 'activity'
