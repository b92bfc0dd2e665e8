-- Move resubscriptions from former names of topics to present ones. The newest stays.
-- grain: one row per address and topic
-- former, present text[] side by side: scopes, 'topic:<name>' or 'group:<number>'
with moved as (
    delete from event.resubscription
    using unnest(cast(:former as text[]), cast(:present as text[])) as named (former, present)
    where resubscription.scope = named.former
    returning
        resubscription.address,
        named.present as scope,
        resubscription.resubscribed_at,
        resubscription.batch_id
)

insert into event.resubscription as known (address, scope, resubscribed_at, batch_id)
select
    moved.address,
    moved.scope,
    max(moved.resubscribed_at) as resubscribed_at,
    max(moved.batch_id) as batch_id
from moved
group by moved.address, moved.scope
on conflict (address, scope) do update
    set
        resubscribed_at = greatest(known.resubscribed_at, excluded.resubscribed_at),
        batch_id = greatest(known.batch_id, excluded.batch_id)
