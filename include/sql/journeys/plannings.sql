-- The time since which the next planning of each campaign is due.
-- grain: one row per campaign that planned, or is watched
-- look-back: none
select
    planning.campaign,
    greatest(planning.last_as_of, planning.counted_from) as since
from journey.planning
order by planning.campaign
