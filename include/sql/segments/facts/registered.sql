-- fact: registered
-- what: a registration for an occasion, or a lead action webinar or event. A cancelled registration counts until it was
--   cancelled, and never if that time is not known. The topic is the occasion's id, or the subject of the action
-- says: registered
-- counts: registration, registrations
-- filters: topic
-- history: facts
-- changes: registrations, lead_actions
-- grain: customer_id, fact_id
-- look-back: all registrations and lead actions up to as_of
select
    r.customer_id,
    'registration ' || r.occasion_id as fact_id,
    r.registered_at as at,
    r.occasion_id as topic
from source.registration as r
where
    r.registered_at <= cast(:as_of as timestamptz)
    and (r.status <> 'cancelled' or r.status_at > cast(:as_of as timestamptz))
union all
select
    l.customer_id,
    'action ' || l.action_id as fact_id,
    l.acted_at as at,
    l.subject as topic
from source.lead_action as l
where l.acted_at <= cast(:as_of as timestamptz) and lower(l.kind) in ('webinar', 'event')
