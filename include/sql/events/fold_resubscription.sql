-- Fold the step's new resubscriptions: the newest time at which a person asked for a topic again, or came back to a
-- group that no topic has. A topic that has ended lifts nothing.
-- grain: one row per address and topic
-- batch_id bigint
insert into event.resubscription as known (address, scope, resubscribed_at, batch_id)
select
    event_said.address,
    event_said.scope,
    max(event_said.said_at) as resubscribed_at,
    cast(:batch_id as bigint) as batch_id
from event_said
where event_said.kind = 'yes' and event_said.scope <> 'all' and event_said.address is not null
group by event_said.address, event_said.scope
on conflict (address, scope) do update
    set
        resubscribed_at = greatest(known.resubscribed_at, excluded.resubscribed_at),
        batch_id = excluded.batch_id
