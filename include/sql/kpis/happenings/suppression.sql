-- Words about mail that concern a customer, with who said them and where, and what ended them there: those at the
-- present mailbox, those that the customer said elsewhere, and those that a customer carries along from a former one.
-- The customer's own entries in the consent log are another kind of happening (permission).
-- grain: one row per word
-- customer_id text
-- look-back: everything
with mailbox as (
    select customer.address
    from source.customer
    where customer.customer_id = cast(:customer_id as text)
    union
    select former_address.address
    from source.former_address
    where former_address.customer_id = cast(:customer_id as text)
    union
    select word.address
    from event.word
    where word.customer_id = cast(:customer_id as text)
)

select
    said.said_at as happened_at,
    null as campaign,
    null as step,
    case said.kind when 'no' then 'suppressed: ' else 'back: ' end || said.scope as what,
    kpi.word_told(said.reason, said.customer_id, said.address, said.source, said.ended_at, said.ended_by) as why,
    50 as place
from event.mailbox_word as said
left join source.customer
    on customer.customer_id = cast(:customer_id as text) and said.address = customer.address
where
    said.address = any(array(select mailbox.address from mailbox))
    and not (
        said.customer_id is not distinct from cast(:customer_id as text)
        and said.reason in ('withdrawn', 'confirmed')
    )
    and (
        customer.customer_id is not null
        or said.customer_id is not distinct from cast(:customer_id as text)
        or (
            said.customer_id is null
            and said.reason not in ('hard_bounce', 'dropped')
            and source.holds(cast(:customer_id as text), said.address, said.said_at)
        )
    )
