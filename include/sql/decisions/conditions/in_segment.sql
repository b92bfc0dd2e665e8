-- condition: in_segment
-- value: segment
-- what: the customer is in that segment at the due moment, with the segment's default parameters, by the facts up to
--   then.
-- grain: step_due_id
-- reads: asked, fitting
-- look-back: that of the segment
select asked.step_due_id
from asked
inner join fitting on asked.customer_id = fitting.customer_id and asked.due_at = fitting.due_at
