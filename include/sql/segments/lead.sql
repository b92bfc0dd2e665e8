-- segment: lead
-- what: customers who downloaded a resource or joined a webinar in the last max_age_days and never ordered: a lead
--   action download or webinar, or an occasion of the kind webinar that they attended. A cancelled order does not
--   count.
-- grain: customer_id, occurrence (the action, or the occasion)
-- parameter: max_age_days: integer, days of 24 hours, default 3, 1 to 30, time since then at most
-- look-back: max_age_days; all orders up to as_of
-- context: kind (download or webinar), resource (its name, null if the feed gives none), url (of an occasion, else
--   null), acted_at
with acted as (
    select
        l.customer_id,
        'action ' || l.action_id as occurrence,
        l.acted_at,
        lower(l.kind) as kind,
        l.subject as resource,
        null as url
    from source.lead_action as l
    where lower(l.kind) in ('download', 'webinar')
    union all
    select
        r.customer_id,
        'occasion ' || r.occasion_id as occurrence,
        coalesce(r.status_at, o.starts_at) as acted_at,
        'webinar' as kind,
        o.name as resource,
        o.url
    from source.registration as r
    inner join source.occasion as o on r.occasion_id = o.occasion_id
    where r.status = 'attended' and lower(o.kind) = 'webinar'
)

select
    a.customer_id,
    a.occurrence,
    a.acted_at as occurred_at,
    jsonb_build_object(
        'kind', a.kind,
        'resource', a.resource,
        'url', a.url,
        'acted_at', replace(
            to_char(a.acted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        )
    ) as context
from acted as a
inner join source.customer as c on a.customer_id = c.customer_id
where
    c.erased_at is null
    and a.acted_at <= cast(:as_of as timestamptz)
    and a.acted_at > cast(:as_of as timestamptz) - cast(:max_age_days as integer) * interval '24 hours'
    and not exists (
        select 1
        from source.orders as o
        where
            o.customer_id = a.customer_id
            and o.ordered_at <= cast(:as_of as timestamptz)
            and o.status <> 'cancelled'
    )
