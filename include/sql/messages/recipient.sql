-- The data of a customer that a mail may use.
-- grain: at most one row
-- customer_id text
-- look-back: none
select
    customer.first_name,
    customer.last_name,
    customer.country,
    customer.locale,
    customer.currency,
    split_part(customer.zones, ' ', 1) as zone
from source.recipient as customer
where customer.customer_id = cast(:customer_id as text) and customer.erased_at is null
