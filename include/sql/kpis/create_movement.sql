-- When these customers came to the list and left it. A customer is on the list if the standing permission is confirmed,
-- mailing does not rest, the address is not suppressed for all mail, and the person is not erased. If a day has several
-- turns, only the net one counts, or one coming and one leave if they cancel out. A leave is named by what was in force
-- when the last leave happened. The table is dropped with the transaction.
-- grain: one row per customer, day and movement
-- reporting_zone text: IANA zone of the days
create temporary table kpi_movement on commit drop as
with listed as (
    select
        standing.customer_id,
        standing.turned_at,
        cast(standing.turned_at at time zone cast(:reporting_zone as text) as date) as day,
        coalesce(standing.permission = 'confirmed', false)
        and not standing.is_resting
        and standing.reason is null
        and not coalesce(standing.is_erased, false) as is_on,
        case
            when standing.is_erased then 'erased'
            when standing.reason = 'complaint' then 'complained'
            when standing.reason in ('hard_bounce', 'dropped') then 'bounced'
            when standing.reason = 'unsubscribed' then 'unsubscribed'
            when standing.reason = 'sunset' then 'sunset'
            when standing.reason is null and standing.origin = 'sunset' then 'sunset'
            when standing.reason is null and standing.origin = 'unsubscribe' then 'unsubscribed'
            else 'withdrawn'
        end as cause
    from kpi_standing as standing
),

moved as (
    select
        listed.*,
        coalesce(lag(listed.is_on) over customer_turns, false) as was_on
    from listed
    window customer_turns as (partition by listed.customer_id order by listed.turned_at)
),

daily as (
    select
        moved.customer_id,
        moved.day,
        sum(case when moved.is_on then 1 else -1 end) as net,
        (array_agg(moved.cause order by moved.turned_at desc) filter (where not moved.is_on))[1] as cause,
        min(min(moved.day)) over (partition by moved.customer_id) as first_day
    from moved
    where moved.is_on <> moved.was_on
    group by moved.customer_id, moved.day
)

select
    daily.customer_id,
    daily.day,
    case when daily.day = daily.first_day then 'joined' else 'returned' end as movement
from daily
where daily.net >= 0
union all
select
    daily.customer_id,
    daily.day,
    daily.cause as movement
from daily
where daily.net <= 0
union all
select
    person.customer_id,
    cast(person.erased_at at time zone cast(:reporting_zone as text) as date) as day,
    'erased' as movement
from kpi_person as person
where
    person.is_settled
    and (
        select sum(case when list_movement.movement in ('joined', 'returned') then 1 else -1 end)
        from kpi.list_movement
        where list_movement.customer_id = person.customer_id and list_movement.movement <> 'erased'
    ) > 0
