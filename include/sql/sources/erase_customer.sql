-- What: empty the personal columns of a customer. The row stays, so that facts keep their customer and the list keeps
-- its history. Other customers with the same address are other people.
-- Grain: one row, or none if the customer was erased before.
-- Parameters: customer_id text; at timestamptz, the time of erasure.
-- Look-back: none.
update source.customer
set
    email = null,
    first_name = null,
    last_name = null,
    locale = null,
    timezone = null,
    country = null,
    region = null,
    city = null,
    tier = null,
    currency = null,
    birthday = null,
    signup_source = null,
    permission = 'withdrawn',
    permission_at = cast(:at as timestamptz),
    erased_at = cast(:at as timestamptz)
where customer_id = cast(:customer_id as text) and erased_at is null
