-- Record which opt-outs the provider holds of its own accord. They need no push.
-- grain: one row per address and group
insert into event.provider_suppression as known (address, group_id, said_at)
select
    listed_staging.address,
    listed_staging.group_id,
    max(listed_staging.listed_at) as said_at
from listed_staging
where listed_staging.group_id is not null
group by listed_staging.address, listed_staging.group_id
on conflict (address, group_id) do update
    set said_at = excluded.said_at
    where known.said_at < excluded.said_at
