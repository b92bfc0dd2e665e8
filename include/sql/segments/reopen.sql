-- Forward refresh: a membership ended at this very as_of, and seen at it after all, goes on as if never ended,
-- and is taken out of segment_seen. Runs after drop_known: what is left there has no interval at as_of.
-- grain: one row deleted a membership reopened
-- parameters: segment text (key in segment.membership), as_of timestamptz (not before the last refresh)
-- look-back: intervals that end at as_of
with reopened as (
    update segment.membership as m
    set left_at = null
    from segment_seen as s
    where
        m.segment = cast(:segment as text)
        and m.customer_id = s.customer_id
        and m.occurrence = s.occurrence
        and m.left_at = cast(:as_of as timestamptz)
    returning m.customer_id, m.occurrence
)

delete from segment_seen as s
using reopened as r
where s.customer_id = r.customer_id and s.occurrence = r.occurrence
