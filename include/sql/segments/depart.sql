-- Forward refresh: end the open intervals of memberships that the segment no longer has (segment_difference). An
-- interval that began at this same as_of is deleted, because the facts changed between two runs for one instant.
-- grain: one row, departed = memberships ended
-- parameters: as_of timestamptz (not before the last refresh)
-- look-back: open intervals
with undone as (
    delete from segment.membership as m
    using segment_difference as d
    where
        m.segment = d.segment
        and m.customer_id = d.customer_id
        and m.occurrence = d.occurrence
        and not d.is_member
        and m.left_at is null
        and m.entered_at >= cast(:as_of as timestamptz)
    returning 1
),

ended as (
    update segment.membership as m
    set left_at = cast(:as_of as timestamptz)
    from segment_difference as d
    where
        m.segment = d.segment
        and m.customer_id = d.customer_id
        and m.occurrence = d.occurrence
        and not d.is_member
        and m.left_at is null
        and m.entered_at < cast(:as_of as timestamptz)
    returning 1
)

select (select count(*) from undone) + (select count(*) from ended) as departed
