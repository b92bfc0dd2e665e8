-- The earliest and the latest of the step's events.
-- grain: one row
select
    min(event_staging.occurred_at) as low,
    max(event_staging.occurred_at) as high
from event_staging
