-- Forward refresh: a membership ended at this very as_of, and seen at it after all, goes on as if never ended.
-- grain: one row changed a membership
-- parameters: segment text (key in segment.membership), as_of timestamptz (not before the last refresh)
-- look-back: intervals that end at as_of
update segment.membership as m
set left_at = null
from segment_seen as s
where
    m.segment = cast(:segment as text)
    and m.customer_id = s.customer_id
    and m.occurrence = s.occurrence
    and m.left_at = cast(:as_of as timestamptz)
    and not exists (
        select 1 from segment.membership as o
        where
            o.segment = m.segment
            and o.customer_id = m.customer_id
            and o.occurrence = m.occurrence
            and o.left_at is null
    )
