-- Fold the step's new resubscriptions: the newest time a person asked for a topic again. A group we have no
-- topic for lifts nothing, since it can only have suppressed everything.
-- grain: one row an address and topic
-- batch_id bigint
insert into event.resubscription as known (address, scope, resubscribed_at, batch_id)
select
    staged.address,
    staged.scope,
    max(staged.occurred_at) as resubscribed_at,
    cast(:batch_id as bigint) as batch_id
from event_staging as staged
where staged.fact = 'resubscribe' and staged.address is not null and staged.scope <> 'all'
group by staged.address, staged.scope
on conflict (address, scope) do update
    set
        resubscribed_at = greatest(known.resubscribed_at, excluded.resubscribed_at),
        batch_id = excluded.batch_id
