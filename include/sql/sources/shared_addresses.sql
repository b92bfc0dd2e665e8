-- What: which of these addresses a customer who was not erased holds, or held before. What is known of such a mailbox
-- belongs to that customer too.
-- Grain: one row per address.
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
