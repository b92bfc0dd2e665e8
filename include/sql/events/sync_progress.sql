-- How far the provider's lists were read.
-- grain: one row per list
select
    sync_progress.list_name,
    sync_progress.covered_until
from event.sync_progress
