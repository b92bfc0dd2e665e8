-- condition: stage
-- value: stages
-- what: the customer's lifecycle stage at the due moment is that one, or one of those. The stages are those of the
--   attribute lifecycle_stage.
-- grain: step_due_id
-- reads: asked, fitting
-- look-back: that of the attribute
select asked.step_due_id
from asked
inner join fitting on asked.customer_id = fitting.customer_id and asked.due_at = fitting.due_at
