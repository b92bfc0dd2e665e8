-- Customers who hold an address and have withdrawn.
-- grain: one row per customer
-- address text, lower case
-- look-back: customers of the address, by index
select customer.customer_id
from source.customer
where customer.address = cast(:address as text) and customer.permission = 'withdrawn' and customer.erased_at is null
order by customer.customer_id
