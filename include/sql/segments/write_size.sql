-- A segment's size at as_of, stored for the UTC day of as_of. The newest as_of of a day wins.
-- Entered and departed are counted from the day's intervals up to as_of. An interval of one microsecond comes from an
-- instant that was refreshed out of order. Such an interval, and both sides of a gap of one microsecond, do not count.
-- grain: day, segment
-- parameters: segment text (key in segment.membership), as_of timestamptz, members and customers bigint (at as_of)
-- look-back: one UTC day

with entered as (
    select count(*) as memberships
    from segment.membership as m
    where
        m.segment = cast(:segment as text)
        and m.entered_at between date_trunc('day', cast(:as_of as timestamptz), 'UTC') and cast(:as_of as timestamptz)
        and m.left_at is distinct from m.entered_at + interval '1 microsecond'
        and not exists (
            select 1
            from segment.membership as before
            where
                before.segment = m.segment
                and before.customer_id = m.customer_id
                and before.occurrence = m.occurrence
                and before.left_at = m.entered_at - interval '1 microsecond'
                -- Follows from the line above. It tells the planner how few rows there are.
                and before.left_at between date_trunc('day', cast(:as_of as timestamptz), 'UTC')
                - interval '1 microsecond' and cast(:as_of as timestamptz)
        )
),

departed as (
    select count(*) as memberships
    from segment.membership as m
    where
        m.segment = cast(:segment as text)
        and m.left_at between date_trunc('day', cast(:as_of as timestamptz), 'UTC') and cast(:as_of as timestamptz)
        and m.left_at is distinct from m.entered_at + interval '1 microsecond'
        and not exists (
            select 1
            from segment.membership as after
            where
                after.segment = m.segment
                and after.customer_id = m.customer_id
                and after.occurrence = m.occurrence
                and after.entered_at = m.left_at + interval '1 microsecond'
        )
)

insert into segment.size_daily (day, segment, as_of, members, customers, entered, departed)
select
    cast(cast(:as_of as timestamptz) at time zone 'UTC' as date) as day,
    cast(:segment as text) as segment,
    cast(:as_of as timestamptz) as as_of,
    cast(:members as bigint) as members,
    cast(:customers as bigint) as customers,
    entered.memberships as entered,
    departed.memberships as departed
from entered
cross join departed
on conflict (day, segment) do update
    set
        as_of = excluded.as_of,
        members = excluded.members,
        customers = excluded.customers,
        entered = excluded.entered,
        departed = excluded.departed
    where excluded.as_of >= segment.size_daily.as_of
