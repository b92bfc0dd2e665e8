-- Store the movements of these customers.
-- grain: one row per customer, day and movement
-- as_of timestamptz: `now` of the roll-up
insert into kpi.list_movement (customer_id, day, movement, as_of)
select
    kpi_movement.customer_id,
    kpi_movement.day,
    kpi_movement.movement,
    cast(:as_of as timestamptz) as as_of
from kpi_movement
