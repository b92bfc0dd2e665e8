-- attribute: country
-- what: the customer's country as the feed says it
-- says: country is {}
-- type: text
-- unit: ISO 3166-1 alpha-2, upper case
-- case: upper
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none; a customer's row is kept in its latest state only
select
    c.customer_id,
    c.country as value
from source.customer as c
where c.country is not null
