-- attribute: signup_source
-- what: where the customer came from
-- says: came from {}
-- type: text
-- unit: as the feed writes it
-- history: today
-- changes: customers
-- grain: customer_id
-- look-back: none; a customer's row is kept in its latest state only
select
    c.customer_id,
    c.signup_source as value
from source.customer as c
where c.signup_source is not null
