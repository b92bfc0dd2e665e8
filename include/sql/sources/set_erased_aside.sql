-- What: move the staged rows of erased customers to `refused`. A customer who comes with the address of an erased
-- person is moved too, unless they were known before the erasure, or said yes themselves after it. The text of these
-- rows is not stored. Their withdrawals are noted in permission_word, because other people may hold the mailbox.
-- Grain: one row per staged row that is moved.
-- Parameters: link_secret text, the key of the address hashes.
-- Look-back: all erasures.
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
                            and (living.first_load_id <= gone.load_id or living.address = source.mailbox(staged.email))
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
