-- What: empty the personal columns of every customer of an address; the row stays, so that facts keep their
-- customer and the list its history.
-- Grain: one row a customer erased; returns customer_id.
-- Parameters: address text, lower case; at timestamptz, when.
-- Look-back: none.
update source.customer
set
    email = null,
    first_name = null,
    last_name = null,
    locale = null,
    timezone = null,
    country = null,
    currency = null,
    birthday = null,
    signup_source = null,
    permission = 'withdrawn',
    permission_at = cast(:at as timestamptz),
    erased_at = cast(:at as timestamptz)
where address = cast(:address as text) and erased_at is null
returning customer_id
