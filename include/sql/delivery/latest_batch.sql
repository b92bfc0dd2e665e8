-- The newest ingest of events: breakers look again when it changes.
-- grain: one row
-- look-back: none
select coalesce(max(batch.batch_id), 0) as batch_id
from event.batch
