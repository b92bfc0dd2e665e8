-- attribute: region
-- what: the customer's region, state or province, as the feed writes it
-- says: region is {}
-- type: text
-- unit: as the feed writes it
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none; a customer's row is kept in its latest state only
select
    c.customer_id,
    c.region as value
from source.customer as c
where c.region is not null
