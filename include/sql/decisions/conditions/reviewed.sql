-- condition: reviewed
-- value: true
-- what: the customer wrote a review.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: since the enrollment
select asked.step_due_id
from asked
inner join source.review on asked.customer_id = review.customer_id and asked.enrolled_at < review.reviewed_at
where review.reviewed_at <= asked.due_at
