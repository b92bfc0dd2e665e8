-- Step 4 of deciding: the moments at which a step came due, each with its customers.
-- grain: one row per moment
-- step text
-- look-back: the steps of the lane
select
    due.due_at,
    array_agg(due.customer_id) as customers
from due
where due.step = cast(:step as text)
group by due.due_at
order by due.due_at
