-- List hygiene, step 2: say the sunset. It is our word, never pushed to the provider, and a later yes lifts it.
-- grain: one row per mailbox
-- now timestamptz; batch_id bigint
-- look-back: none
with said as (
    insert into event.word (address, scope, kind, reason, customer_id, said_at, source, batch_id)
    select
        sunset.address,
        'all' as scope,
        'no' as kind,
        'sunset' as reason,
        sunset.customer_id,
        cast(:now as timestamptz) as said_at,
        'list_hygiene' as source,
        cast(:batch_id as bigint) as batch_id
    from sunset
    on conflict (address, scope, reason, said_at, customer_id) do nothing
    returning word.address
)

insert into event.suppression as known (
    address, scope, reason, suppressed_at, source, last_suppressed_at, batch_id
)
select distinct
    said.address,
    'all' as scope,
    'sunset' as reason,
    cast(:now as timestamptz) as suppressed_at,
    'list_hygiene' as source,
    cast(:now as timestamptz) as last_suppressed_at,
    cast(:batch_id as bigint) as batch_id
from said
on conflict (address, scope, reason) do update
    set
        last_suppressed_at = excluded.last_suppressed_at,
        lifted_at = null,
        batch_id = excluded.batch_id
