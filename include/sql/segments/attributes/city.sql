-- attribute: city
-- what: the customer's city, as the feed writes it
-- says: city is {}
-- type: text
-- unit: as the feed writes it
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none; a customer's row is kept in its latest state only
select
    c.customer_id,
    c.city as value
from source.customer as c
where c.city is not null
