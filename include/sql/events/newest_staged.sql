-- The latest of the step's new events.
-- grain: one row
select max(event_staging.occurred_at) as newest_at
from event_staging
