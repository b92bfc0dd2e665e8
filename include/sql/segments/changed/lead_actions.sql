-- changed: lead_actions
-- what: customers of actions that came, changed, or became past
-- grain: customer_id, any number of times
-- parameters: load_id: the last load that the refresh before knew; since, as_of timestamptz: the refreshes
-- look-back: rows of later loads; facts of the time between the refreshes, whenever they were loaded
select changed.customer_id
from source.lead_action as changed
where changed.load_id > cast(:load_id as bigint)
union all
select changed.customer_id
from source.lead_action as changed
where changed.acted_at > cast(:since as timestamptz) and changed.acted_at <= cast(:as_of as timestamptz)
