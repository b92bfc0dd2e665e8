-- What: which of these addresses a customer who was not erased holds, or held before: what is known of such a mailbox
-- is theirs too.
-- Grain: one row an address.
-- Parameters: addresses text[], lower case. Look-back: customers and former addresses, by index.
select mailbox.address
from unnest(cast(:addresses as text[])) as mailbox (address)
where
    exists (
        select 1 from source.customer
        where customer.address = mailbox.address and customer.erased_at is null
    )
    or exists (
        select 1
        from source.former_address
        inner join source.customer on former_address.customer_id = customer.customer_id
        where former_address.address = mailbox.address and customer.erased_at is null
    )
