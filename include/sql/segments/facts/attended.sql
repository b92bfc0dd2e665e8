-- fact: attended
-- what: an occasion that the customer attended, at the time that the feed gives, else from the beginning of the
--   occasion, else of the registration. The topic is the occasion's id
-- says: attended
-- counts: occasion, occasions
-- filters: topic
-- history: facts
-- changes: registrations, occasions
-- grain: customer_id, fact_id
-- look-back: all registrations up to as_of
select
    r.customer_id,
    r.occasion_id as fact_id,
    there.at,
    r.occasion_id as topic
from source.registration as r
left join source.occasion as o on r.occasion_id = o.occasion_id
cross join lateral (select coalesce(r.status_at, o.starts_at, r.registered_at) as at) as there
where r.status = 'attended' and there.at <= cast(:as_of as timestamptz)
