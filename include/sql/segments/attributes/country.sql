-- attribute: country
-- what: the customer's country; only today's is known
-- says: country is {}
-- type: text
-- unit: ISO 3166-1 alpha-2
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none
select
    c.customer_id,
    c.country as value
from source.customer as c
where c.country is not null
