-- condition: opened
-- value: step
-- what: a person opened the mail of that step, or clicked in it, by the due moment. A machine's open does not count.
--   Held-out people got no mail, and opened none.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: the series, and those that it goes on with
select asked.step_due_id
from asked
inner join event.engagement
    on asked.enrollment_id = engagement.enrollment_id and asked.value ->> 'step' = engagement.step
where least(engagement.first_open_at, engagement.first_click_at) <= asked.due_at
union all
select asked.step_due_id
from asked
inner join journey.continued_series on asked.enrollment_id = continued_series.enrollment_id
inner join event.engagement
    on continued_series.former_id = engagement.enrollment_id and asked.value ->> 'step' = engagement.step
where least(engagement.first_open_at, engagement.first_click_at) <= asked.due_at
