-- What: put in the staged customers, whatever their rows say, the permission that stands in the log
-- (source.standing_permission has the rule); none where the log has no entry. The merge then writes it like
-- any other column.
-- Grain: one row a staged customer whose row says otherwise.
-- Parameters: none. Look-back: the whole log of the staged customers, by index.
with standing as (
    select
        customer_id,
        permission,
        permission_at
    from source.standing_permission
    where customer_id = any(array(select staged.customer_id from staged))
),

settled as (
    select
        staged.line,
        coalesce(standing.permission, 'none') as permission,
        standing.permission_at
    from staged
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
