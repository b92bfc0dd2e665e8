-- attribute: birthday_month
-- what: the month of the customer's birthday, 1 is January and 12 is December; the year need not be known
-- says: birthday is in month {}
-- type: number
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none; a customer's row is kept in its latest state only
select
    c.customer_id,
    cast(extract(month from c.birthday) as integer) as value
from source.customer as c
where c.birthday is not null
