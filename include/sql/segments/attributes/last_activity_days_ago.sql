-- attribute: last_activity_days_ago
-- what: days since the customer was last active, as the segment inactive counts it: an order that was not cancelled, a
--   page view, a human open or a human click. Nothing else counts
-- says: was last active {} ago
-- type: instant
-- unit: days
-- direction: ago
-- formula: the newest of the four
-- history: facts
-- changes: orders, page_views, engagement
-- grain: customer_id
-- look-back: all activity up to as_of; between the first and the newest open of a mail, the raw events there are
--
-- If as_of is not before the newest fact of the activity row, the row decides; else the facts up to as_of are read.
select
    active.customer_id,
    active.value
from (
    select
        c.customer_id,
        case
            when a.last_activity_at <= cast(:as_of as timestamptz) then a.last_activity_at
            else segment.last_activity_at(c.customer_id, cast(:as_of as timestamptz))
        end as value
    from source.customer as c
    left join source.customer_activity as a on c.customer_id = a.customer_id
) as active
where active.value is not null
