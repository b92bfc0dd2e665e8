-- The days of the new movements change too.
-- grain: one row a day
insert into kpi_list_day (day)
select distinct kpi_movement.day
from kpi_movement
