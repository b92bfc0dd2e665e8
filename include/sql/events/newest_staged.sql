-- The latest of the step's new events that the provider sent; what our own collector writes says nothing of its feed.
-- grain: one row
select max(event_staging.occurred_at) as newest_at
from event_staging
where event_staging.event is distinct from 'lm_unsubscribe'
