-- The memberships known at an as_of that is not before the last refresh: the open intervals. They are read from an
-- index alone.
-- grain: customer_id, occurrence
-- parameters: segment text (key in segment.membership)
-- look-back: open intervals
select
    m.customer_id,
    m.occurrence
from segment.membership as m
where
    m.segment = cast(:segment as text)
    and m.left_at is null
