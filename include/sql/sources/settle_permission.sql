-- What: set one customer's permission to the one that stands in the log.
-- Grain: one row, or none if it is right already.
-- Parameters: customer_id text. Look-back: the customer's whole log.
update source.customer
set
    permission = standing.permission,
    permission_at = standing.permission_at
from source.standing_permission as standing
where
    standing.customer_id = cast(:customer_id as text)
    and customer.customer_id = cast(:customer_id as text)
    and customer.erased_at is null
    and (customer.permission, customer.permission_at)
    is distinct from (standing.permission, standing.permission_at)
