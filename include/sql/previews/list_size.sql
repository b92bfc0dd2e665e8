-- The list at as_of: customers who had signed up by then and were not erased.
-- grain: one row
-- parameters: as_of timestamptz
-- look-back: none
select count(*) as customers
from source.customer
where customer.erased_at is null and customer.created_at <= cast(:as_of as timestamptz)
