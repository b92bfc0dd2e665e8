-- The newest day whose lifecycle stages are counted.
-- grain: one row; null = none is
-- parameters: none
-- look-back: all days
select max(stage_daily.day) as day
from segment.stage_daily
