-- What: write what the staged customers say to the log of permissions. A row without permission says nothing. A row
-- without a time counts from sign-up. A withdrawal without a time counts from now instead, and is left out if the
-- customer has withdrawn already.
-- Grain: one row per customer, permission and time that the log does not have.
-- Parameters: load_id bigint; now timestamptz, the time of the load.
-- Look-back: none.
insert into source.permission_change (customer_id, permission, permission_at, origin, load_id)
select
    staged.customer_id,
    staged.permission,
    coalesce(
        staged.permission_at,
        case when staged.permission = 'withdrawn' then cast(:now as timestamptz) else staged.created_at end
    ) as permission_at,
    'feed' as origin,
    cast(:load_id as bigint) as load_id
from staged
left join source.customer on staged.customer_id = customer.customer_id
where
    staged.permission is not null
    and not (
        staged.permission = 'withdrawn'
        and staged.permission_at is null
        and customer.permission is not distinct from 'withdrawn'
    )
    and not exists (
        select 1 from source.permission_change as known
        where
            known.customer_id = staged.customer_id
            and known.permission = staged.permission
            and known.permission_at = coalesce(staged.permission_at, staged.created_at)
            and (staged.permission_at is not null or staged.permission <> 'withdrawn')
    )
on conflict (customer_id, permission_at, permission) do nothing
