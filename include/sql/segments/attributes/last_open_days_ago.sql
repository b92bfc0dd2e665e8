-- attribute: last_open_days_ago
-- what: days since the customer last opened a mail. A click is an open. A machine's does not count
-- says: last opened a mail {} ago
-- type: instant
-- unit: days
-- direction: ago
-- time-of: opened
-- history: facts
-- changes: engagement
-- grain: customer_id
-- look-back: all mails up to as_of; between the first and the newest open of a mail, the raw events there are
select
    m.customer_id,
    max(m.opened_at) as value
from segment.opens_at(cast(:as_of as timestamptz)) as m
group by m.customer_id
