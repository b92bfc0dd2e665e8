-- The network has these addresses from this export on.
-- grain: one row per address taken in
-- parameters: segment, network text; export_id
-- look-back: none
insert into segment.audience_member (segment, network, address_sha256, export_id)
select
    cast(:segment as text) as segment,
    cast(:network as text) as network,
    audience_now.address_sha256,
    cast(:export_id as bigint) as export_id
from audience_now
on conflict (segment, network, address_sha256) do nothing
