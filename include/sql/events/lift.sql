-- Lift the suppressions of an address that are in force, because an operator says so.
-- grain: one row per suppression lifted
-- address text, lower case; reasons text[]: only these (null = all); now timestamptz
with lifted as (
    update event.suppression
    set lifted_at = cast(:now as timestamptz)
    where
        suppression.address = cast(:address as text)
        and suppression.lifted_at is null
        and (cast(:reasons as text[]) is null or suppression.reason = any(cast(:reasons as text[])))
    returning suppression.scope, suppression.reason
),

-- A yes at the mailbox: it ends what former words would bind by, also if a newer word is lifted no more.
said as (
    insert into event.word (address, scope, kind, reason, said_at, source)
    select distinct
        cast(:address as text) as address,
        lifted.scope,
        'yes' as kind,
        'lifted' as reason,
        cast(:now as timestamptz) as said_at,
        'operator' as source
    from lifted
    where cast(:reasons as text[]) is null
    on conflict (address, scope, reason, said_at, customer_id) do nothing
)

select
    lifted.scope,
    lifted.reason
from lifted
