-- fact: downloaded
-- what: a lead action download. The topic is its subject
-- says: downloaded something
-- counts: download, downloads
-- filters: topic
-- history: facts
-- changes: lead_actions
-- grain: customer_id, fact_id
-- look-back: all lead actions up to as_of
select
    l.customer_id,
    l.action_id as fact_id,
    l.acted_at as at,
    l.subject as topic
from source.lead_action as l
where l.acted_at <= cast(:as_of as timestamptz) and lower(l.kind) = 'download'
