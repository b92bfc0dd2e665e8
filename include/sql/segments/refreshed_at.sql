-- The newest as_of that a segment's intervals are known for.
-- grain: one row, or none before the first refresh
-- parameters: segment text (key in segment.membership)
-- look-back: none
select r.refreshed_at
from segment.refresh as r
where r.segment = cast(:segment as text)
