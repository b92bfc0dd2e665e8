-- What: bring one customer's permission, and that of the others at the mailbox, to what stands in the log.
-- Grain: one row per customer of whom it is not so already.
-- Parameters: customer_id text. Look-back: the whole log of these customers, by index.
update source.customer
set
    permission = standing.permission,
    permission_at = standing.permission_at
from source.standing_permission as standing
where
    standing.customer_id = any(array(
        select neighbour.customer_id
        from source.customer as speaker
        inner join source.customer as neighbour on speaker.address = neighbour.address
        where speaker.customer_id = cast(:customer_id as text)
        union
        select cast(:customer_id as text) as customer_id
    ))
    and customer.customer_id = standing.customer_id
    and customer.erased_at is null
    and (customer.permission, customer.permission_at)
    is distinct from (standing.permission, standing.permission_at)
