-- Keyed hashes of the addresses of erased people.
-- grain: one row per address
select erased_address.address_hash from source.erased_address
