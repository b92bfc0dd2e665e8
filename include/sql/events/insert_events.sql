-- Keep the step's new events, as they came.
-- grain: one row an event
-- batch_id bigint
insert into event.event (sg_event_id, occurred_at, event, message_id, address, batch_id, raw)
select
    event_staging.sg_event_id,
    event_staging.occurred_at,
    event_staging.event,
    event_staging.message_id,
    event_staging.address,
    cast(:batch_id as bigint) as batch_id,
    event_staging.raw
from event_staging
on conflict do nothing
