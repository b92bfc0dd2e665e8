-- attribute: signed_up_days_ago
-- what: days since the customer signed up
-- says: signed up {} ago
-- type: instant
-- unit: days
-- direction: ago
-- history: facts
-- changes: customers
-- grain: customer_id
-- look-back: all sign-ups up to as_of
select
    c.customer_id,
    c.created_at as value
from source.customer as c
where c.created_at <= cast(:as_of as timestamptz)
