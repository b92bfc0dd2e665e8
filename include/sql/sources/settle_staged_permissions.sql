-- What: give the staged customers, whatever their rows say, the permission that stands in the log. The rule is in
-- source.standing_permission. Without an entry in the log it is none. The merge then writes it like any other column.
-- A row is right already if it says what is stored and this load logged nothing about its customer.
-- Grain: one row per staged customer whose row differs.
-- Parameters: load_id bigint.
-- Look-back: the whole log of the customers concerned, by index.
with concerned as (
    select staged.customer_id
    from staged
    left join source.customer on staged.customer_id = customer.customer_id
    where
        customer.customer_id is null
        or (staged.permission, staged.permission_at)
        is distinct from (customer.permission, customer.permission_at)
    union
    select permission_change.customer_id
    from source.permission_change
    where permission_change.load_id = cast(:load_id as bigint)
    union
    select permission_rest.customer_id
    from source.permission_rest
    where cast(:load_id as bigint) in (permission_rest.load_id, permission_rest.resumed_load_id)
),

standing as (
    select
        customer_id,
        permission,
        permission_at
    from source.standing_permission
    where customer_id = any(array(select concerned.customer_id from concerned))
),

settled as (
    select
        staged.line,
        coalesce(standing.permission, 'none') as permission,
        standing.permission_at
    from staged
    inner join concerned on staged.customer_id = concerned.customer_id
    left join standing on staged.customer_id = standing.customer_id
)

update staged
set
    permission = settled.permission,
    permission_at = settled.permission_at
from settled
where
    staged.line = settled.line
    and (staged.permission, staged.permission_at) is distinct from (settled.permission, settled.permission_at)
