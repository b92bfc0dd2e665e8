-- The rest of a customer's mailbox after soft bounces.
-- grain: one row, or none
-- customer_id text
-- look-back: the present address
select
    soft_bounce.rested_at as happened_at,
    null as campaign,
    null as step,
    'mailbox rests' as what,
    cardinality(soft_bounce.bounced_at) || ' soft bounces since '
    || to_char(soft_bounce.bounced_at[1] at time zone 'UTC', 'YYYY-MM-DD') || ' without a delivery, until '
    || to_char(soft_bounce.rests_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"') as why,
    51 as place
from source.customer
inner join event.soft_bounce on customer.address = soft_bounce.address
where customer.customer_id = cast(:customer_id as text) and soft_bounce.rested_at is not null
