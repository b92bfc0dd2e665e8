-- fact: clicked
-- what: a mail in which a person clicked a link. A scanner's click and a doubtful one do not count
-- says: clicked in a mail
-- counts: mail, mails
-- history: facts
-- changes: engagement
-- grain: customer_id, fact_id, at
-- look-back: all mails up to as_of; of mails that were clicked before clicks were kept, the first and the newest click
select
    m.customer_id,
    cast(m.message_id as text) as fact_id,
    m.clicked_at as at
from segment.clicks_at(cast(:as_of as timestamptz)) as m
