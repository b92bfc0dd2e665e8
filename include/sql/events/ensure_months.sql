-- Make the monthly partitions the staged events need.
-- grain: one row a month
select installation.ensure_month('event.event', month.at) as partition
from (
    select distinct date_trunc('month', event_staging.occurred_at) as at
    from event_staging
) as month
