-- segment: feature_first_tried
-- what: customers who used a feature for the first time in the last max_age_days: a lead action feature_use whose
--   subject is the feature; upper and lower case are one. An action without a subject names no feature.
-- grain: customer_id, occurrence (the feature, in lower case)
-- parameter: max_age_days: integer, days of 24 hours, default 3, 1 to 30, time since the first use at most
-- look-back: all uses up to as_of
-- context: feature (as the feed wrote it first), used_at
with tried as (
    select
        l.customer_id,
        lower(l.subject) as feature,
        min(l.acted_at) as used_at,
        (array_agg(l.subject order by l.acted_at asc, l.action_id asc))[1] as written
    from source.lead_action as l
    where lower(l.kind) = 'feature_use' and l.subject is not null and l.acted_at <= cast(:as_of as timestamptz)
    group by l.customer_id, lower(l.subject)
)

select
    t.customer_id,
    t.feature as occurrence,
    t.used_at as occurred_at,
    jsonb_build_object(
        'feature', t.written,
        'used_at', replace(
            to_char(t.used_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        )
    ) as context
from tried as t
inner join source.customer as c on t.customer_id = c.customer_id
where
    t.used_at > cast(:as_of as timestamptz) - cast(:max_age_days as integer) * interval '24 hours'
    and c.erased_at is null
