-- condition: sent
-- value: step
-- what: the provider took the mail of that step by the due moment. For a held-out customer
--   a decided step counts as sent.
-- grain: step_due_id, any number of times
-- reads: asked
-- look-back: the series, and those that it goes on with
select asked.step_due_id
from asked
inner join message.message on asked.enrollment_id = message.enrollment_id and asked.value ->> 'step' = message.step
where message.state = 'accepted' and message.accepted_at <= asked.due_at
union all
select asked.step_due_id
from asked
inner join decision.decision on asked.enrollment_id = decision.enrollment_id and asked.value ->> 'step' = decision.step
where asked.is_holdout and decision.reason = 'held_out' and decision.decided_at <= asked.due_at
union all
select asked.step_due_id
from asked
inner join journey.continued_series on asked.enrollment_id = continued_series.enrollment_id
inner join message.message
    on continued_series.former_id = message.enrollment_id and asked.value ->> 'step' = message.step
where message.state = 'accepted' and message.accepted_at <= asked.due_at
union all
select asked.step_due_id
from asked
inner join journey.continued_series on asked.enrollment_id = continued_series.enrollment_id
inner join decision.decision
    on continued_series.former_id = decision.enrollment_id and asked.value ->> 'step' = decision.step
where asked.is_holdout and decision.reason = 'held_out' and decision.decided_at <= asked.due_at
