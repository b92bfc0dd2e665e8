-- What: the newest known size of each segment.
-- Grain: one row per segment.
-- Parameters: none.
-- Look-back: none, the newest day of each.
select distinct on (s.segment)
    s.segment,
    s.members,
    s.customers,
    s.entered,
    s.departed,
    s.as_of
from segment.size_daily as s
order by s.segment asc, s.day desc
