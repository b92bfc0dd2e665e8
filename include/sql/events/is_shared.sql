-- Whether a customer who was not erased holds an address, or held it before.
-- grain: one row
-- address text, lower case
-- look-back: customers and former addresses, by index
select
    exists (
        select 1 from source.customer
        where customer.address = cast(:address as text) and customer.erased_at is null
    )
    or exists (
        select 1
        from source.former_address
        inner join source.customer on former_address.customer_id = customer.customer_id
        where former_address.address = cast(:address as text) and customer.erased_at is null
    ) as is_shared
