-- The days on which the stored movements of these customers count. add_list_days adds those of the new ones.
-- grain: one row per day
create temporary table kpi_list_day on commit drop as
select distinct known.day
from kpi_listed
inner join kpi.list_movement as known on kpi_listed.customer_id = known.customer_id
