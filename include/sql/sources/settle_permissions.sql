-- What: bring the permission of customers that this load wrote, or said something about, to what stands in the
-- log (source.standing_permission has the rule).
-- Grain: one row a customer whose permission is not what stands.
-- Parameters: load_id bigint, the load.
-- Look-back: the whole log of those customers.
with concerned as (
    select customer_id from source.permission_change
    where load_id = cast(:load_id as bigint)
    union
    select customer_id from source.customer
    where load_id = cast(:load_id as bigint)
)

update source.customer
set
    permission = standing.permission,
    permission_at = standing.permission_at,
    load_id = cast(:load_id as bigint)
from source.standing_permission as standing
where
    standing.customer_id = any(array(select concerned.customer_id from concerned))
    and customer.customer_id = standing.customer_id
    and customer.erased_at is null
    and (customer.permission, customer.permission_at)
    is distinct from (standing.permission, standing.permission_at)
