-- Move words from former names of topics to present ones.
-- grain: one row per word
-- former, present text[] side by side: scopes, 'topic:<name>' or 'group:<number>'
with moved as (
    delete from event.word
    using unnest(cast(:former as text[]), cast(:present as text[])) as named (former, present)
    where word.scope = named.former
    returning
        word.address,
        named.present as scope,
        word.kind,
        word.reason,
        word.customer_id,
        word.said_at,
        word.source,
        word.batch_id
)

insert into event.word (address, scope, kind, reason, customer_id, said_at, source, batch_id)
select
    moved.address,
    moved.scope,
    moved.kind,
    moved.reason,
    moved.customer_id,
    moved.said_at,
    moved.source,
    moved.batch_id
from moved
on conflict (address, scope, reason, said_at, customer_id) do nothing
