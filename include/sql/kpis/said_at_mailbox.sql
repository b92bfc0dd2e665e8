-- Every word about mail at a mailbox, with who said it, and what ended it; and who holds the mailbox, or held it.
-- grain: one row per word, and per customer and time of holding
-- address text, lower case
-- look-back: everything
select
    said.said_at as happened_at,
    null as campaign,
    null as step,
    said.kind || ': ' || said.scope as what,
    kpi.word_told(said.reason, said.customer_id, null, said.source, said.ended_at, said.ended_by) as why,
    50 as place
from event.mailbox_word as said
where said.address = cast(:address as text)
union all
select
    former_address.replaced_at as happened_at,
    null as campaign,
    null as step,
    'left by ' || former_address.customer_id as what,
    coalesce('had it since ' || to_char(former_address.held_from at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')
        as why,
    1 as place
from source.former_address
where former_address.address = cast(:address as text)
union all
select
    coalesce(
        (
            select max(former_address.replaced_at)
            from source.former_address
            where former_address.customer_id = customer.customer_id
        ),
        customer.created_at
    ) as happened_at,
    null as campaign,
    null as step,
    'held by ' || customer.customer_id as what,
    'permission ' || customer.permission as why,
    0 as place
from source.customer
where customer.address = cast(:address as text)
