-- changed: reviews
-- what: customers of reviews that came, changed, or became past
-- grain: customer_id, any number of times
-- parameters: load_id: the last load that the refresh before knew; since, as_of timestamptz: the refreshes
-- look-back: rows of later loads; facts of the time between the refreshes, whenever they were loaded
select changed.customer_id
from source.review as changed
where changed.load_id > cast(:load_id as bigint)
union all
select changed.customer_id
from source.review as changed
where changed.reviewed_at > cast(:since as timestamptz) and changed.reviewed_at <= cast(:as_of as timestamptz)
