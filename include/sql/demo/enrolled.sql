-- What: who was enrolled, in which arm, and when.
-- Grain: one row per enrollment.
-- Parameters: none.
-- Look-back: none, all enrollments.
select
    e.customer_id,
    case when e.is_holdout then 'holdout' else 'treated' end as arm,
    e.enrolled_at
from journey.enrollment as e
order by e.enrolled_at, e.customer_id
