-- What: move the staged customers that were erased, by key or by address, to `refused`; their text is not kept. A
-- withdrawal of theirs is noted in permission_word: others may hold the mailbox.
-- Grain: one row a staged row of an erased person.
-- Parameters: link_secret text, the key of the address hashes.
-- Look-back: every erasure there was.
with erased as (
    delete from staged
    where
        exists (
            select 1 from source.customer
            where customer.customer_id = staged.customer_id and customer.erased_at is not null
        )
        or (
            exists (select 1 from source.erased_address)
            and source.address_hash(staged.email, cast(:link_secret as text)) in (
                select erased_address.address_hash from source.erased_address
            )
        )
    returning staged.line, staged.customer_id, staged.email, staged.permission, staged.permission_at
),

noted as (
    insert into permission_word (line, customer_id, email, permission, permission_at)
    select
        line,
        customer_id,
        email,
        permission,
        permission_at
    from erased
    where permission = 'withdrawn'
)

insert into refused (line, reason, detail, customer_id)
select
    line,
    'erased' as reason,
    'the person was erased' as detail,
    customer_id
from erased
