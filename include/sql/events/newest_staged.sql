-- The latest of the step's new events that the provider sent. Events that our own collector writes say nothing about
-- the provider's feed.
-- grain: one row
select max(event_staging.occurred_at) as newest_at
from event_staging
where event_staging.event is distinct from 'lm_unsubscribe'
