-- Give the step's events without our ids the mails that were found for them.
-- grain: one row per event
update event_staging
set message_id = matched.message_id, is_matched = true
from event_matched as matched
where event_staging.sg_event_id = matched.sg_event_id and not matched.is_waiting
