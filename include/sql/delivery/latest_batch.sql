-- The newest ingest of events. Breakers judge again when it changes.
-- grain: one row
-- look-back: none
select coalesce(max(batch.batch_id), 0) as batch_id
from event.batch
