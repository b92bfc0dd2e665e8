-- condition: variant
-- value: variant
-- what: the customer is in that arm of an earlier step's variants, whether its mail went or not. A held-out customer
--   is in the arm that they would have got.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: the series, and those that it goes on with
select asked.step_due_id
from asked
inner join journey.step_due
    on
        asked.enrollment_id = step_due.enrollment_id
        and asked.value ->> 'step' = step_due.step
        and asked.value ->> 'is' = step_due.variant
where step_due.due_at <= asked.due_at
union all
select asked.step_due_id
from asked
inner join journey.continued_series on asked.enrollment_id = continued_series.enrollment_id
inner join journey.step_due
    on
        continued_series.former_id = step_due.enrollment_id
        and asked.value ->> 'step' = step_due.step
        and asked.value ->> 'is' = step_due.variant
where step_due.due_at <= asked.due_at
