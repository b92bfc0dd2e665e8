-- The present size of the list is what the movements add up to. The check is skipped while changes wait for a roll-up,
-- or for their day: a no that is dated ahead keeps mail back at once, and leaves the list on its day.
-- grain: one row per offending total
-- when: in whole checks only, because it reads every customer
with standing as (
    select count(*) as members
    from source.standing_permission
    inner join source.customer on standing_permission.customer_id = customer.customer_id
    where
        standing_permission.permission = 'confirmed'
        and customer.erased_at is null
        and not exists (
            select 1
            from event.suppression
            where
                suppression.address = customer.address
                and suppression.scope not like 'topic:%'
                and suppression.lifted_at is null
        )
        and not exists (
            select 1
            from source.mailbox_withdrawal
            where
                mailbox_withdrawal.address = customer.address
                and mailbox_withdrawal.customer_id <> customer.customer_id
        )
),

counted as (
    select coalesce(
        (
            select list_daily.closing
            from kpi.list_daily
            order by list_daily.day desc
            limit 1
        ), 0
    ) as members
)

select
    standing.members as standing,
    counted.members as counted
from standing
cross join counted
where
    standing.members <> counted.members
    and not exists (select 1 from kpi.list_change)
    and not exists (select 1 from kpi.ahead where ahead.about = 'list')
