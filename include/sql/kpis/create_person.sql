-- The customers whose place on the list is looked at. What was counted of a person before an erasure stays
-- (is_settled), because the address is gone. The table is dropped with the transaction.
-- grain: one row per customer
create temporary table kpi_person on commit drop as
select
    kpi_listed.customer_id,
    customer.address,
    customer.erased_at,
    customer.erased_at is not null
    and exists (
        select 1
        from kpi.list_movement
        where list_movement.customer_id = kpi_listed.customer_id and list_movement.movement <> 'erased'
    ) as is_settled
from kpi_listed
inner join source.customer on kpi_listed.customer_id = customer.customer_id
