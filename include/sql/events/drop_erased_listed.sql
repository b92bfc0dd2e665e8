-- Leave out who was erased: the provider may know the address still, the warehouse must not learn it again.
-- grain: one row a row listed
-- link_secret text: key of the hashes
delete from listed_staging
where
    exists (select 1 from source.erased_address)
    and source.address_hash(listed_staging.address, cast(:link_secret as text)) in (
        select erased_address.address_hash from source.erased_address
    )
