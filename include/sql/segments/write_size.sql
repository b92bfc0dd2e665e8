-- A segment's size at as_of, kept for the UTC day of as_of: the newest as_of of a day wins.
-- Entered and departed are counted from the day's intervals up to as_of. Intervals of one microsecond (an
-- instant refreshed out of order) and both sides of a gap of one microsecond are no movement.
-- grain: day, segment
-- parameters: segment text (key in segment.membership), as_of timestamptz, members and customers bigint (at as_of)
-- look-back: one UTC day

-- Intervals that begin or end during the day, or touch one that does, with their neighbours of one membership.
with touched as (
    select
        m.entered_at,
        m.left_at,
        lag(m.left_at) over membership as previous_left_at,
        lead(m.entered_at) over membership as next_entered_at
    from segment.membership as m
    where
        m.segment = cast(:segment as text)
        and (
            m.entered_at between date_trunc('day', cast(:as_of as timestamptz), 'UTC')
            and cast(:as_of as timestamptz) + interval '1 microsecond'
            or m.left_at between date_trunc('day', cast(:as_of as timestamptz), 'UTC') - interval '1 microsecond'
            and cast(:as_of as timestamptz)
        )
    window membership as (partition by m.customer_id, m.occurrence order by m.entered_at)
),

movement as (
    select
        count(*) filter (
            where t.entered_at between date_trunc('day', cast(:as_of as timestamptz), 'UTC')
            and cast(:as_of as timestamptz)
            and t.previous_left_at is distinct from t.entered_at - interval '1 microsecond'
        ) as entered,
        count(*) filter (
            where t.left_at between date_trunc('day', cast(:as_of as timestamptz), 'UTC')
            and cast(:as_of as timestamptz)
            and t.next_entered_at is distinct from t.left_at + interval '1 microsecond'
        ) as departed
    from touched as t
    where t.left_at is distinct from t.entered_at + interval '1 microsecond'
)

insert into segment.size_daily (day, segment, as_of, members, customers, entered, departed)
select
    cast(cast(:as_of as timestamptz) at time zone 'UTC' as date) as day,
    cast(:segment as text) as segment,
    cast(:as_of as timestamptz) as as_of,
    cast(:members as bigint) as members,
    cast(:customers as bigint) as customers,
    movement.entered,
    movement.departed
from movement
on conflict (day, segment) do update
    set
        as_of = excluded.as_of,
        members = excluded.members,
        customers = excluded.customers,
        entered = excluded.entered,
        departed = excluded.departed
    where excluded.as_of >= segment.size_daily.as_of
