-- passed: lifecycle_stage
-- what: customers of whom an order became 90 or 180 days old between the refreshes
-- grain: customer_id, any number of times
-- parameters: since, as_of timestamptz: the refresh before, and this one
-- look-back: orders of the two stretches of time
select o.customer_id
from source.orders as o
where
    o.ordered_at > cast(:since as timestamptz) - interval '2160 hours'
    and o.ordered_at <= cast(:as_of as timestamptz) - interval '2160 hours'
union all
select o.customer_id
from source.orders as o
where
    o.ordered_at > cast(:since as timestamptz) - interval '4320 hours'
    and o.ordered_at <= cast(:as_of as timestamptz) - interval '4320 hours'
