-- Days on which the stored movements of these customers count; those of the new ones are added.
-- grain: one row a day
create temporary table kpi_list_day on commit drop as
select distinct known.day
from kpi_listed
inner join kpi.list_movement as known on kpi_listed.customer_id = known.customer_id
