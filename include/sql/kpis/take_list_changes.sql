-- Customers noted since the last roll-up.
-- grain: one row per customer
with taken as (
    delete from kpi.list_change
    returning list_change.customer_id
)

insert into kpi_listed (customer_id)
select distinct taken.customer_id
from taken
