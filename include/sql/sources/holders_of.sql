-- What: customers who were not erased and hold an address, or held it before.
-- Grain: one row per customer; is_former = they held it before, and do not now.
-- Parameters: address text, lower case. Look-back: customers and former addresses, by index.
select
    customer.customer_id,
    false as is_former
from source.customer
where customer.address = cast(:address as text) and customer.erased_at is null
union
select
    customer.customer_id,
    true as is_former
from source.former_address
inner join source.customer on former_address.customer_id = customer.customer_id
where
    former_address.address = cast(:address as text)
    and customer.erased_at is null
    and customer.address is distinct from former_address.address
order by is_former, customer_id
