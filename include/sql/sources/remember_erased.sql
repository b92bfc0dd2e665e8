-- What: remember an erased address by its keyed hash.
-- Grain: one row, unless it is known.
-- Parameters: address text, lower case; link_secret text, the key; at timestamptz, when.
-- Look-back: none.
insert into source.erased_address (address_hash, erased_at)
values (
    source.address_hash(cast(:address as text), cast(:link_secret as text)),
    cast(:at as timestamptz)
)
on conflict (address_hash) do nothing
