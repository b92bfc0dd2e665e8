-- changed: moved
-- what: customers who lost a fact, because it names another customer now
-- grain: customer_id, any number of times
-- parameters: load_id: the last load that the refresh before knew
-- look-back: changes of later loads
select changed.customer_id
from segment.moved_fact as changed
where changed.load_id > cast(:load_id as bigint)
