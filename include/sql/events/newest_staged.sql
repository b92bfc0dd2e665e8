-- The latest of the step's new events that the provider sent about our mails. Events that our own services write, and
-- those of other applications, say nothing about the provider's feed, nor does a time ahead of the clock.
-- grain: one row
-- latest timestamptz: the latest time that counts (null = any)
select max(event_staging.occurred_at) as newest_at
from event_staging
where
    coalesce(event_staging.event, '') not like 'lm\_%'
    and event_staging.message_id is not null
    and event_staging.occurred_at <= coalesce(cast(:latest as timestamptz), 'infinity')
