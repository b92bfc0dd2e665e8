-- Delete the stored movements of these customers, except those counted of an erased person before.
-- grain: one row per customer, day and movement
delete from kpi.list_movement
using kpi_listed
where
    list_movement.customer_id = kpi_listed.customer_id
    and (
        list_movement.movement = 'erased'
        or not exists (
            select 1
            from source.customer
            where customer.customer_id = list_movement.customer_id and customer.erased_at is not null
        )
    )
