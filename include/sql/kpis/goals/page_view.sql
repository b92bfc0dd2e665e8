-- goal: page_view
-- what: the customer viewed a page.
-- reached-by: everyone
-- grain: one row per view
-- reads: asked
-- look-back: the window
select page_view.viewed_at as reached_at
from asked
inner join source.page_view
    on asked.customer_id = page_view.customer_id and page_view.viewed_at between asked.since and asked.till
where asked.goal = 'page_view'
