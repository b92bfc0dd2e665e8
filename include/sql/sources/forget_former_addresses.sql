-- What: delete the former addresses of an erased customer, and return them.
-- Grain: one row per former address.
-- Parameters: customer_id text.
-- Look-back: none.
delete from source.former_address
where former_address.customer_id = cast(:customer_id as text)
returning former_address.address
