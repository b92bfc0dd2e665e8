-- Forward refresh: a membership that ended at this same as_of, and that the segment has at it after all, goes on as if
-- it had never ended. It is removed from segment_difference.
-- grain: one deleted row per membership reopened
-- parameters: as_of timestamptz (not before the last refresh)
-- look-back: intervals that end at as_of
with reopened as (
    update segment.membership as m
    set left_at = null
    from segment_difference as d
    where
        m.segment = d.segment
        and m.customer_id = d.customer_id
        and m.occurrence = d.occurrence
        and d.is_member
        and m.left_at = cast(:as_of as timestamptz)
    returning m.customer_id, m.occurrence
)

delete from segment_difference as d
using reopened as r
where d.customer_id = r.customer_id and d.occurrence = r.occurrence
