-- Fold the step's new resubscriptions: the newest time at which a person asked for a topic again, or came back to a
-- group that no topic has. A topic that has ended lifts nothing.
-- grain: one row per address and topic
-- batch_id bigint
with said as (
    select
        staged.address,
        installation.scope_meant(staged.scope) as scope,
        staged.occurred_at
    from event_staging as staged
    where staged.fact = 'resubscribe' and staged.address is not null
)

insert into event.resubscription as known (address, scope, resubscribed_at, batch_id)
select
    said.address,
    said.scope,
    max(said.occurred_at) as resubscribed_at,
    cast(:batch_id as bigint) as batch_id
from said
where said.scope <> 'all'
group by said.address, said.scope
on conflict (address, scope) do update
    set
        resubscribed_at = greatest(known.resubscribed_at, excluded.resubscribed_at),
        batch_id = excluded.batch_id
