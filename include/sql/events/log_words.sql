-- Keep what was said in the step's new events, word by word. A group we have no topic for gives nothing back.
-- grain: one row per word
-- batch_id bigint
insert into event.word (address, scope, kind, reason, customer_id, said_at, source, batch_id)
select distinct
    event_said.address,
    event_said.scope,
    event_said.kind,
    event_said.reason,
    event_said.customer_id,
    event_said.said_at,
    event_said.source,
    cast(:batch_id as bigint) as batch_id
from event_said
where event_said.address is not null and (event_said.kind = 'no' or event_said.scope <> 'all')
on conflict (address, scope, reason, said_at, customer_id) do nothing
