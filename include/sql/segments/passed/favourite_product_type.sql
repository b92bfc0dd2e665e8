-- passed: favourite_product_type
-- what: customers of whom an order became 365 days old between the refreshes
-- grain: customer_id, any number of times
-- parameters: since, as_of timestamptz: the refresh before, and this one
-- look-back: orders of that stretch of time
select o.customer_id
from source.orders as o
where
    o.ordered_at > cast(:since as timestamptz) - interval '8760 hours'
    and o.ordered_at <= cast(:as_of as timestamptz) - interval '8760 hours'
