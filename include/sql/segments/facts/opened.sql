-- fact: opened
-- what: a mail that a person opened or clicked in. A machine's open or click does not count. Of the opens of one mail,
--   the first and the newest by as_of count, so that a window in between may miss it; every click counts
-- says: opened a mail
-- counts: mail, mails
-- history: facts
-- changes: engagement
-- grain: customer_id, fact_id, at
-- look-back: all mails; for an as_of between the first and the newest open of a mail, the raw events there are
select
    m.customer_id,
    cast(m.message_id as text) as fact_id,
    m.opened_at as at
from segment.opens_at(cast(:as_of as timestamptz)) as m
