-- attribute: last_click_days_ago
-- what: days since the customer last clicked in a mail. A machine's does not count
-- says: last clicked in a mail {} ago
-- type: instant
-- unit: days
-- direction: ago
-- time-of: clicked
-- history: facts
-- changes: engagement
-- grain: customer_id
-- look-back: all mails up to as_of
select
    m.customer_id,
    max(m.clicked_at) as value
from segment.clicks_at(cast(:as_of as timestamptz)) as m
group by m.customer_id
