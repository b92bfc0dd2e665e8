-- The next addresses to push to one group, by address.
-- grain: one row an address
-- group_id bigint; after_address text; rows integer: at most so many
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
