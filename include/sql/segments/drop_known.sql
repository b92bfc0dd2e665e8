-- Take out of segment_seen what an interval containing as_of already says, so that the new ones are left.
-- grain: one row deleted a membership
-- parameters: segment text (key in segment.membership), as_of timestamptz
-- look-back: intervals that contain as_of
delete from segment_seen as s
using segment.membership as m
where
    m.segment = cast(:segment as text)
    and m.customer_id = s.customer_id
    and m.occurrence = s.occurrence
    and m.entered_at <= cast(:as_of as timestamptz)
    and (m.left_at is null or m.left_at > cast(:as_of as timestamptz))
