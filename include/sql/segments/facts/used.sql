-- fact: used
-- what: a use of a feature of the product: a lead action feature_use. The topic is its subject
-- says: used a feature
-- counts: use, uses
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
where l.acted_at <= cast(:as_of as timestamptz) and lower(l.kind) = 'feature_use'
