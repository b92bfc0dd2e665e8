-- Groups that have opt-outs waiting to be pushed.
-- grain: one row per group; 0 = the global list
select
    queued.group_id,
    count(*) as addresses
from event.provider_suppression as queued
where queued.requested_at is not null and queued.pushed_at is null and queued.refused_at is null
group by queued.group_id
order by queued.group_id
