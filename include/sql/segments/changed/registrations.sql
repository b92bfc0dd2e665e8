-- changed: registrations
-- what: customers of registrations that came, changed, became past, or were cancelled or attended between the refreshes
-- grain: customer_id, any number of times
-- parameters: load_id: the last load that the refresh before knew; since, as_of timestamptz: the refreshes
-- look-back: rows of later loads; facts of the time between the refreshes, whenever they were loaded
select changed.customer_id
from source.registration as changed
where
    changed.load_id > cast(:load_id as bigint)
    or (changed.registered_at > cast(:since as timestamptz) and changed.registered_at <= cast(:as_of as timestamptz))
    or (changed.status_at > cast(:since as timestamptz) and changed.status_at <= cast(:as_of as timestamptz))
