-- attribute: engagement
-- what: how much the customer does with mails and pages: what people opened and clicked, and on how many days they
--   visited. A machine's open or click does not count
-- says: engagement is {}
-- type: text
-- values: high, medium, low, none
-- absent: none
-- formula: points of the last 90 days: 1 for each mail opened, 2 more for each mail clicked, 1 for each day (UTC) with
--   a page view. high = 10 or more, medium = 4 to 9, low = 1 to 3, none = 0. A click is an open
-- history: facts
-- changes: engagement, page_views, time
-- grain: customer_id
-- look-back: 90 days of 24 hours before as_of; of a mail's opens, the first and the newest
with point as (
    select
        o.customer_id,
        count(distinct o.message_id) as points
    from segment.opens_at(cast(:as_of as timestamptz)) as o
    where o.opened_at > cast(:as_of as timestamptz) - interval '2160 hours'
    group by o.customer_id
    union all
    select
        k.customer_id,
        2 * count(distinct k.message_id) as points
    from segment.clicks_at(cast(:as_of as timestamptz)) as k
    where k.clicked_at > cast(:as_of as timestamptz) - interval '2160 hours'
    group by k.customer_id
    union all
    select
        v.customer_id,
        count(distinct date_trunc('day', v.viewed_at at time zone 'UTC')) as points
    from source.page_view as v
    where
        v.viewed_at > cast(:as_of as timestamptz) - interval '2160 hours'
        and v.viewed_at <= cast(:as_of as timestamptz)
    group by v.customer_id
)

select
    p.customer_id,
    case
        when sum(p.points) >= 10 then 'high'
        when sum(p.points) >= 4 then 'medium'
        else 'low'
    end as value
from point as p
group by p.customer_id
