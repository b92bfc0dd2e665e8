-- What: move the staged rows of erased customers to `refused`, and those of customers who come with the address of an
-- erased person and are not known since before the erasure, unless they said yes themselves after it. Their text is
-- not kept. A withdrawal of theirs is noted in permission_word: others may hold the mailbox.
-- Grain: one row a staged row that is moved.
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
            and exists (
                select 1 from source.erased_address as gone
                where
                    gone.address_hash = source.address_hash(staged.email, cast(:link_secret as text))
                    and not exists (
                        select 1 from source.customer as living
                        where
                            living.customer_id = staged.customer_id
                            and (living.first_load_id <= gone.load_id or living.address = lower(staged.email))
                    )
                    and not exists (
                        select 1 from source.permission_change as said
                        where
                            said.customer_id = staged.customer_id
                            and said.permission = 'confirmed'
                            and said.origin <> 'feed'
                            and said.permission_at > gone.erased_at
                    )
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
