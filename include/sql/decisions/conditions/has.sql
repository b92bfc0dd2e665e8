-- condition: has
-- value: rule
-- what: an attribute of the customer is so at the due moment, as a rule of a segment says it:
--   `{is: country, in: [TH]}`.
-- grain: step_due_id
-- reads: asked, fitting
-- look-back: that of the attribute
select asked.step_due_id
from asked
inner join fitting on asked.customer_id = fitting.customer_id and asked.due_at = fitting.due_at
