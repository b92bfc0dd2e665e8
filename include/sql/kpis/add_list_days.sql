-- Add the days of the new movements to the days that change.
-- grain: one row per day
insert into kpi_list_day (day)
select distinct kpi_movement.day
from kpi_movement
