-- A segment's size at as_of, kept for the UTC day of as_of: the newest as_of of a day wins.
-- Entered and departed are counted from the day's intervals up to as_of. Intervals of one microsecond (an
-- instant refreshed out of order) and both sides of a gap of one microsecond are no movement.
-- grain: day, segment
-- parameters: segment text (key in segment.membership), as_of timestamptz
-- look-back: one UTC day, and intervals that contain as_of
with present as (
    select
        count(*) as members,
        count(distinct m.customer_id) as customers
    from segment.membership as m
    where
        m.segment = cast(:segment as text)
        and m.entered_at <= cast(:as_of as timestamptz)
        and (m.left_at is null or m.left_at > cast(:as_of as timestamptz))
),

entry as (
    select count(*) as entered
    from segment.membership as m
    where
        m.segment = cast(:segment as text)
        and m.entered_at >= date_trunc('day', cast(:as_of as timestamptz), 'UTC')
        and m.entered_at <= cast(:as_of as timestamptz)
        and m.left_at is distinct from m.entered_at + interval '1 microsecond'
        and not exists (
            select 1 from segment.membership as b
            where
                b.segment = m.segment
                and b.customer_id = m.customer_id
                and b.occurrence = m.occurrence
                and b.left_at = m.entered_at - interval '1 microsecond'
        )
),

departure as (
    select count(*) as departed
    from segment.membership as m
    where
        m.segment = cast(:segment as text)
        and m.left_at >= date_trunc('day', cast(:as_of as timestamptz), 'UTC')
        and m.left_at <= cast(:as_of as timestamptz)
        and m.left_at <> m.entered_at + interval '1 microsecond'
        and not exists (
            select 1 from segment.membership as n
            where
                n.segment = m.segment
                and n.customer_id = m.customer_id
                and n.occurrence = m.occurrence
                and n.entered_at = m.left_at + interval '1 microsecond'
        )
)

insert into segment.size_daily (day, segment, as_of, members, customers, entered, departed)
select
    cast(cast(:as_of as timestamptz) at time zone 'UTC' as date) as day,
    cast(:segment as text) as segment,
    cast(:as_of as timestamptz) as as_of,
    present.members,
    present.customers,
    entry.entered,
    departure.departed
from present
cross join entry
cross join departure
on conflict (day, segment) do update
    set
        as_of = excluded.as_of,
        members = excluded.members,
        customers = excluded.customers,
        entered = excluded.entered,
        departed = excluded.departed
    where excluded.as_of >= segment.size_daily.as_of
