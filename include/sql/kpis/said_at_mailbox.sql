-- Every word about mail at a mailbox, with who said it, and what ended it. Also who holds the mailbox, or held it, and
-- the rows of feeds that name it and were refused.
-- grain: one row per word, per customer and time of holding, and per refused row and reason
-- address text, as it is compared; written text, lower case, as it is written
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
union all
select
    rejected.rejected_at as happened_at,
    null as campaign,
    null as step,
    case when rejected.is_loaded then 'a value was left out of a row' else 'a row was refused' end as what,
    kpi.refusal_told(rejected.file, rejected.line, rejected.reason, rejected.detail)
    || coalesce(', of customer ' || rejected.customer_id, '') as why,
    2 as place
from source.rejected
where
    (
        strpos(lower(rejected.row_text), cast(:address as text)) > 0
        or strpos(lower(rejected.row_text), cast(:written as text)) > 0
    )
    and array[cast(:address as text), cast(:written as text)]
    && regexp_split_to_array(lower(rejected.row_text), '[,;|"{}<>\s]+')
