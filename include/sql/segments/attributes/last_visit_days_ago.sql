-- attribute: last_visit_days_ago
-- what: days since the customer last looked at a page
-- says: last visited {} ago
-- type: instant
-- unit: days
-- direction: ago
-- time-of: viewed
-- history: facts
-- changes: page_views
-- grain: customer_id
-- look-back: all page views up to as_of
select
    v.customer_id,
    max(v.viewed_at) as value
from source.page_view as v
where v.viewed_at <= cast(:as_of as timestamptz)
group by v.customer_id
