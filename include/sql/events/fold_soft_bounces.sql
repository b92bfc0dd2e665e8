-- Fold the step's new soft bounces by mailbox. For a mailbox without any so far, the newest delivery of our mails to the
-- customers who hold it is looked up, because the events may come in any order.
-- grain: one row per address
-- batch_id bigint
-- look-back: the mails of the customers of these addresses, by index
with bounced as (
    select
        staged.address,
        array_agg(distinct staged.occurred_at order by staged.occurred_at) as bounced_at
    from event_staging as staged
    where staged.fact = 'bounced_soft' and staged.address is not null
    group by staged.address
)

insert into event.soft_bounce as known (address, bounced_at, delivered_at, batch_id)
select
    bounced.address,
    bounced.bounced_at,
    (
        select max(engagement.delivered_at)
        from source.customer
        inner join journey.enrollment on customer.customer_id = enrollment.customer_id
        inner join event.engagement on enrollment.enrollment_id = engagement.enrollment_id
        where customer.address = bounced.address
    ) as delivered_at,
    cast(:batch_id as bigint) as batch_id
from bounced
on conflict (address) do update
    set
        bounced_at = array(
            select distinct bounce.bounced_at
            from unnest(known.bounced_at || excluded.bounced_at) as bounce (bounced_at)
            order by bounce.bounced_at
        ),
        batch_id = excluded.batch_id
