-- attribute: currency
-- what: the customer's own currency as the feed says it; orders may be in another
-- says: currency is {}
-- type: text
-- unit: ISO 4217, upper case
-- case: upper
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none; a customer's row is kept in its latest state only
select
    c.customer_id,
    c.currency as value
from source.customer as c
where c.currency is not null
