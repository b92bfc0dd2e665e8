-- Suppressions of a customer's present address.
-- grain: one row per suppression
-- customer_id text
-- look-back: everything
select
    suppression.suppressed_at as happened_at,
    null as campaign,
    null as step,
    'suppressed: ' || suppression.scope as what,
    suppression.reason || coalesce(', lifted ' || suppression.lifted_at::text, '') as why,
    50 as place
from event.suppression
inner join source.customer on suppression.address = customer.address
where customer.customer_id = cast(:customer_id as text)
