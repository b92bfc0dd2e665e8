-- Every customer who ever had an entry about permission, or was ever on the list.
-- grain: one row per customer
with taken as (
    delete from kpi.list_change
    returning list_change.customer_id
)

insert into kpi_listed (customer_id)
select permission_change.customer_id
from source.permission_change
union
select list_movement.customer_id
from kpi.list_movement
union
select taken.customer_id
from taken
