-- What: forget the former addresses of erased customers, and say which they were.
-- Grain: one row a (customer, former address).
-- Parameters: customer_ids text[].
-- Look-back: none.
delete from source.former_address
where former_address.customer_id = any(cast(:customer_ids as text[]))
returning former_address.address
