-- Who belonged to a segment at an instant that it was refreshed for, from the intervals.
-- grain: customer_id, occurrence
-- parameters: segment text (key in segment.membership), as_of timestamptz
-- look-back: intervals that contain as_of
select
    m.customer_id,
    m.occurrence,
    m.occurred_at,
    m.context,
    m.entered_at,
    m.left_at
from segment.membership as m
where
    m.segment = cast(:segment as text)
    and m.entered_at <= cast(:as_of as timestamptz)
    and (m.left_at is null or m.left_at > cast(:as_of as timestamptz))
