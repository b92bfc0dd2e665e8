-- Fold the step's new soft bounces by mailbox. For a mailbox that has none so far, the newest delivery of our mails to
-- the customers who hold it is looked up, because events may come in any order.
-- grain: one row per address
-- batch_id bigint
-- look-back: the mails of the customers of these addresses, by index
with told as (
    select
        staged.address,
        array_agg(staged.occurred_at) as bounced_at
    from event_staging as staged
    where staged.fact = 'bounced_soft' and staged.address is not null
    group by staged.address
),

merged as (
    select
        told.address,
        array(
            select distinct bounce.bounced_at
            from unnest(told.bounced_at || coalesce(soft_bounce.bounced_at, '{}')) as bounce (bounced_at)
            order by bounce.bounced_at
        ) as bounced_at,
        case
            when soft_bounce.address is not null then soft_bounce.delivered_at
            else (
                select max(engagement.delivered_at)
                from source.customer
                inner join journey.enrollment on customer.customer_id = enrollment.customer_id
                inner join event.engagement on enrollment.enrollment_id = engagement.enrollment_id
                where customer.address = told.address
            )
        end as delivered_at
    from told
    left join event.soft_bounce on told.address = soft_bounce.address
)

insert into event.soft_bounce (address, bounced_at, delivered_at, batch_id)
select
    merged.address,
    merged.bounced_at,
    merged.delivered_at,
    cast(:batch_id as bigint) as batch_id
from merged
on conflict (address) do update
    set
        bounced_at = excluded.bounced_at,
        batch_id = excluded.batch_id
