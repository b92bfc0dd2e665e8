-- `now` of the last roll-up; null = there was none.
-- grain: one row
select max(roll_up.rolled_up_at) as rolled_up_at
from kpi.roll_up
where roll_up.roll_up_id = (select max(newest.roll_up_id) from kpi.roll_up as newest)
