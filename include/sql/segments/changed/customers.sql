-- changed: customers
-- what: customers who came, changed, signed up between the refreshes, or were erased
-- grain: customer_id, any number of times
-- parameters: load_id: the last load that the refresh before knew; since, as_of timestamptz: the refreshes
-- look-back: rows of later loads; every erased customer
select changed.customer_id
from source.customer as changed
where
    changed.load_id > cast(:load_id as bigint)
    or changed.erased_at is not null
    or (changed.created_at > cast(:since as timestamptz) and changed.created_at <= cast(:as_of as timestamptz))
