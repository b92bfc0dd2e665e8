-- Forward refresh: end the open intervals of memberships that are not among segment_seen at as_of. One that
-- began at this very as_of (the facts changed between two runs of one instant) never was: it goes.
-- grain: one row, departed = memberships ended
-- parameters: segment text (key in segment.membership), as_of timestamptz (not before the last refresh)
-- look-back: open intervals
with undone as (
    delete from segment.membership as m
    where
        m.segment = cast(:segment as text)
        and m.left_at is null
        and m.entered_at >= cast(:as_of as timestamptz)
        and not exists (
            select 1 from segment_seen as s
            where s.customer_id = m.customer_id and s.occurrence = m.occurrence
        )
    returning 1
),

ended as (
    update segment.membership as m
    set left_at = cast(:as_of as timestamptz)
    where
        m.segment = cast(:segment as text)
        and m.left_at is null
        and m.entered_at < cast(:as_of as timestamptz)
        and not exists (
            select 1 from segment_seen as s
            where s.customer_id = m.customer_id and s.occurrence = m.occurrence
        )
    returning 1
)

select (select count(*) from undone) + (select count(*) from ended) as departed
