-- attribute: tier
-- what: the customer's tier in the shop's loyalty programme
-- says: tier is {}
-- type: text
-- unit: as the feed writes it
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none; a customer's row is kept in its latest state only
select
    c.customer_id,
    c.tier as value
from source.customer as c
where c.tier is not null
