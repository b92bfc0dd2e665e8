-- Fold the step's new deliveries to mailboxes that had soft bounces, no matter whose mail it was.
-- grain: one row per address
-- batch_id bigint
with delivered as (
    select
        staged.address,
        max(staged.occurred_at) as delivered_at
    from event_staging as staged
    inner join event.soft_bounce on staged.address = soft_bounce.address
    where staged.fact = 'delivered'
    group by staged.address
)

update event.soft_bounce
set
    delivered_at = greatest(soft_bounce.delivered_at, delivered.delivered_at),
    batch_id = cast(:batch_id as bigint)
from delivered
where soft_bounce.address = delivered.address
