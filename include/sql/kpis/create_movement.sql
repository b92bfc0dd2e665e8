-- When these customers came to the list and left it. On the list = permission stands as confirmed and mailing does not
-- rest, the address is not suppressed for all mail, and the person is not erased. Of a day with several turns only the
-- net one counts, or one coming and one leave where they cancel; a leave is named by what was in force when it happened
-- last.
-- What was counted of a person before an erasure stays as it was, since the address is gone.
-- grain: one row a customer, day and movement
-- reporting_zone text: IANA zone of the days
create temporary table kpi_movement on commit drop as
with person as (
    select
        kpi_listed.customer_id,
        customer.address,
        customer.erased_at,
        customer.erased_at is not null
        and exists (
            select 1
            from kpi.list_movement
            where list_movement.customer_id = kpi_listed.customer_id and list_movement.movement <> 'erased'
        ) as is_settled
    from kpi_listed
    inner join source.customer on kpi_listed.customer_id = customer.customer_id
),

turn as (
    select
        person.customer_id,
        permission_change.permission_at as turned_at
    from person
    inner join source.permission_change on person.customer_id = permission_change.customer_id
    union
    select
        person.customer_id,
        unnest(array[permission_rest.rested_at, permission_rest.resumed_at]) as turned_at
    from person
    inner join source.permission_rest on person.customer_id = permission_rest.customer_id
    union
    select
        person.customer_id,
        suppression.suppressed_at as turned_at
    from person
    inner join event.suppression on person.address = suppression.address and suppression.scope = 'all'
    union
    select
        person.customer_id,
        suppression.lifted_at as turned_at
    from person
    inner join event.suppression on person.address = suppression.address and suppression.scope = 'all'
    where suppression.lifted_at is not null
    union
    select
        person.customer_id,
        person.erased_at as turned_at
    from person
    where person.erased_at is not null
),

standing as (
    select
        turn.customer_id,
        turn.turned_at,
        person.erased_at <= turn.turned_at as is_erased,
        said.permission,
        said.origin,
        rest.is_resting,
        block.reason
    from turn
    inner join person on turn.customer_id = person.customer_id and not person.is_settled
    left join lateral (
        select true as is_resting
        from source.permission_rest
        where
            permission_rest.customer_id = turn.customer_id
            and permission_rest.rested_at <= turn.turned_at
            and (permission_rest.resumed_at is null or permission_rest.resumed_at > turn.turned_at)
            and not exists (
                select 1
                from source.permission_change
                where
                    permission_change.customer_id = turn.customer_id
                    and permission_change.origin <> 'feed'
                    and permission_change.permission <> 'withdrawn'
                    and permission_change.permission_at >= permission_rest.rested_at
                    and permission_change.permission_at <= turn.turned_at
            )
        limit 1
    ) as rest on true
    left join lateral (
        -- The rule of source.standing_permission, at the time of the turn.
        select
            entry.permission,
            entry.origin
        from (
            select
                permission_change.permission,
                permission_change.permission_at,
                permission_change.origin,
                max(permission_change.permission_at)
                filter (
                    where permission_change.origin <> 'feed' and permission_change.permission <> 'withdrawn'
                )
                    over () as returned_at
            from source.permission_change
            where
                permission_change.customer_id = turn.customer_id
                and permission_change.permission_at <= turn.turned_at
        ) as entry
        where
            entry.permission <> 'withdrawn'
            or entry.returned_at is null
            or entry.permission_at >= entry.returned_at
        order by
            entry.permission = 'withdrawn' desc,
            case when entry.permission = 'withdrawn' then entry.permission_at end asc,
            entry.permission_at desc,
            array_position(array['none', 'pending', 'confirmed'], entry.permission) desc
        limit 1
    ) as said on true
    left join lateral (
        select suppression.reason
        from event.suppression
        where
            suppression.address = person.address
            and suppression.scope = 'all'
            and suppression.suppressed_at <= turn.turned_at
            and (suppression.lifted_at is null or suppression.lifted_at > turn.turned_at)
        order by
            array_position(
                array['complaint', 'hard_bounce', 'dropped', 'unsubscribed', 'sunset'], suppression.reason
            ) asc nulls last,
            suppression.reason asc
        limit 1
    ) as block on true
),

listed as (
    select
        standing.customer_id,
        standing.turned_at,
        cast(standing.turned_at at time zone cast(:reporting_zone as text) as date) as day,
        coalesce(standing.permission = 'confirmed', false)
        and standing.is_resting is null
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
    from standing
    -- The rest that goes on has no end yet.
    where standing.turned_at is not null
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
from person
where
    person.is_settled
    and (
        select sum(case when list_movement.movement in ('joined', 'returned') then 1 else -1 end)
        from kpi.list_movement
        where list_movement.customer_id = person.customer_id and list_movement.movement <> 'erased'
    ) > 0
