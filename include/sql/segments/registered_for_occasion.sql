-- segment: registered_for_occasion
-- what: customers who are registered for an occasion (a webinar, an event in the shop) that has not begun. A cancelled
--   registration counts until it was cancelled, and never if that time is not known
-- grain: customer_id, occurrence (the occasion, its beginning, and the time of the registration: an occasion at another
--   time and a registration after a cancelled one are new)
-- look-back: all registrations for occasions that begin after as_of
-- context: occasion_id, name, kind, starts_at, ends_at (two hours after the beginning if the feed does not tell it),
--   url (null = not known)
-- about: occasion_id
select
    r.customer_id,
    o.occasion_id
    || ' ' || to_char(o.starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    || ' ' || to_char(r.registered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as occurrence,
    r.registered_at as occurred_at,
    jsonb_build_object(
        'occasion_id', o.occasion_id,
        'name', o.name,
        'kind', o.kind,
        'starts_at', to_char(o.starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'ends_at', to_char(
            coalesce(o.ends_at, o.starts_at + interval '2 hours') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
        ),
        'url', o.url
    ) as context
from source.registration as r
inner join source.occasion as o on r.occasion_id = o.occasion_id
inner join source.customer as c on r.customer_id = c.customer_id
where
    o.starts_at > cast(:as_of as timestamptz)
    and r.registered_at <= cast(:as_of as timestamptz)
    and (r.status <> 'cancelled' or r.status_at > cast(:as_of as timestamptz))
    and c.erased_at is null
