-- Lifts of an operator at a customer's present address.
-- grain: one row per lift
-- customer_id text
-- look-back: everything
select
    suppression_lift.lifted_at as happened_at,
    null as campaign,
    null as step,
    'suppressions lifted' as what,
    'by ' || suppression_lift.lifted_by || ': ' || suppression_lift.because as why,
    52 as place
from source.customer
inner join event.suppression_lift on customer.address = suppression_lift.address
where customer.customer_id = cast(:customer_id as text)
