-- changed: engagement
-- what: customers whose opens or clicks came or were judged again, or became past
-- grain: customer_id, any number of times
-- parameters: batch_id: the last step of an ingest that the refresh before knew; since timestamptz: that refresh
-- look-back: mails whose events came in later steps; opens and clicks after the refresh before
select changed.customer_id
from event.engagement as changed
where changed.batch_id > cast(:batch_id as bigint)
union all
select changed.customer_id
from event.engagement as changed
where
    (changed.first_open_at is not null or changed.first_click_at is not null)
    and greatest(changed.last_open_at, changed.last_click_at) > cast(:since as timestamptz)
