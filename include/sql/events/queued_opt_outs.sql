-- The next addresses to push to one group, in the order of addresses.
-- grain: one row per address
-- group_id bigint; after_address text; rows integer: at most this many
select queued.address
from event.provider_suppression as queued
where
    queued.requested_at is not null
    and queued.pushed_at is null
    and queued.refused_at is null
    and queued.group_id = cast(:group_id as bigint)
    and queued.address > cast(:after_address as text)
order by queued.address
limit cast(:rows as integer)
