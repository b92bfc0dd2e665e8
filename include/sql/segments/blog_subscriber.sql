-- segment: blog_subscriber
-- what: customers who subscribed to the blog in the last max_age_days: a lead action subscribe with the subject blog.
-- grain: customer_id, occurrence (the action)
-- parameter: max_age_days: integer, days of 24 hours, default 3, 1 to 30, time since then at most
-- look-back: max_age_days before as_of
-- context: subscribed_at, most_read (the topics that most people read in 30 days: topic, readers)
select
    l.customer_id,
    l.action_id as occurrence,
    l.acted_at as occurred_at,
    jsonb_build_object(
        'subscribed_at', replace(
            to_char(l.acted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        ),
        'most_read', (select segment.most_read(cast(:as_of as timestamptz)))
    ) as context
from source.lead_action as l
inner join source.customer as c on l.customer_id = c.customer_id
where
    lower(l.kind) = 'subscribe'
    and lower(l.subject) = 'blog'
    and l.acted_at <= cast(:as_of as timestamptz)
    and l.acted_at > cast(:as_of as timestamptz) - cast(:max_age_days as integer) * interval '24 hours'
    and c.erased_at is null
