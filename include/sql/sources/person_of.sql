-- What: what tells a customer who was not erased from other people.
-- Grain: one row, or none.
-- Parameters: customer_id text. Look-back: none.
select
    email,
    address,
    first_name,
    last_name
from source.customer
where customer_id = cast(:customer_id as text) and erased_at is null
