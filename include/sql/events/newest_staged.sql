-- The latest of the step's new events that the provider sent about our mails. Events that our own collector writes, and
-- those of other applications, say nothing about the provider's feed, nor does a time ahead of the clock.
-- grain: one row
-- latest timestamptz: the latest time that counts (null = any)
select max(event_staging.occurred_at) as newest_at
from event_staging
where
    event_staging.event is distinct from 'lm_unsubscribe'
    and event_staging.message_id is not null
    and event_staging.occurred_at <= coalesce(cast(:latest as timestamptz), 'infinity')
