-- What: store the keyed hash of an erased address. If an address was erased several times, the newest erasure counts.
-- Grain: one row.
-- Parameters: address text, lower case; link_secret text: the key; at timestamptz: the time of erasure.
-- Look-back: none.
insert into source.erased_address as known (address_hash, erased_at, load_id)
select
    source.address_hash(cast(:address as text), cast(:link_secret as text)) as address_hash,
    cast(:at as timestamptz) as erased_at,
    coalesce(max(load.load_id), 0) as load_id
from source.load
on conflict (address_hash) do update
    set
        erased_at = greatest(known.erased_at, excluded.erased_at),
        load_id = greatest(known.load_id, excluded.load_id)
