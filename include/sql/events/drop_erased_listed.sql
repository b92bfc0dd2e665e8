-- Leave out rows about erased people. The provider may still know the address, but the warehouse must not learn it
-- again. If a living customer holds the address too, or held it before, the row is about that customer and stays.
-- grain: one row per listed row
-- link_secret text: key of the hashes
delete from listed_staging
where
    exists (select 1 from source.erased_address)
    and source.address_hash(listed_staging.address, cast(:link_secret as text)) in (
        select erased_address.address_hash from source.erased_address
    )
    and not exists (
        select 1 from source.customer
        where customer.address = listed_staging.address and customer.erased_at is null
    )
    and not exists (
        select 1
        from source.former_address
        inner join source.customer on former_address.customer_id = customer.customer_id
        where former_address.address = listed_staging.address and customer.erased_at is null
    )
