-- What a customer said about permission, or what the shop said for them.
-- grain: one row per change
-- customer_id text
-- look-back: everything
select
    permission_change.permission_at as happened_at,
    null as campaign,
    null as step,
    'permission ' || permission_change.permission as what,
    permission_change.origin as why,
    0 as place
from source.permission_change
where permission_change.customer_id = cast(:customer_id as text)
