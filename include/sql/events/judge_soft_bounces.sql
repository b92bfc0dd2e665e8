-- Judge which of the mailboxes that this step touched rest: enough soft bounces over enough days since the newest
-- delivery. The rest is counted from the last of them. Bounces before the delivery are forgotten.
-- grain: one row per address
-- batch_id bigint; bounces: from this many on (0 = never); over_days, rest_days: days of 24 hours
with since as (
    select
        soft_bounce.address,
        array(
            select bounce.bounced_at
            from unnest(soft_bounce.bounced_at) as bounce (bounced_at)
            where soft_bounce.delivered_at is null or bounce.bounced_at > soft_bounce.delivered_at
            order by bounce.bounced_at
        ) as bounced_at
    from event.soft_bounce
    where soft_bounce.batch_id = cast(:batch_id as bigint)
),

judged as (
    select
        since.address,
        since.bounced_at,
        case
            when
                cast(:bounces as integer) > 0
                and cardinality(since.bounced_at) >= cast(:bounces as integer)
                and since.bounced_at[cardinality(since.bounced_at)] - since.bounced_at[1]
                >= cast(:over_days as integer) * interval '24 hours'
                then since.bounced_at[cardinality(since.bounced_at)]
        end as rested_at
    from since
)

update event.soft_bounce
set
    bounced_at = judged.bounced_at,
    rested_at = judged.rested_at,
    rests_until = judged.rested_at + cast(:rest_days as integer) * interval '24 hours'
from judged
where soft_bounce.address = judged.address
