-- What: the address of a customer who was not erased.
-- Grain: one row, or none.
-- Parameters: customer_id text. Look-back: none.
select address from source.customer
where customer_id = cast(:customer_id as text) and erased_at is null
