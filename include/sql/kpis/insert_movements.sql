-- Store the movements of these customers.
-- grain: one row per customer, day and movement
insert into kpi.list_movement (customer_id, day, movement)
select
    kpi_movement.customer_id,
    kpi_movement.day,
    kpi_movement.movement
from kpi_movement
