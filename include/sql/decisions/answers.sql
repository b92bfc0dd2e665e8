-- What deciding says of the steps in `judged`, without writing it.
-- grain: one row per step
-- refusal: why the step gets no mail; null = nothing refuses it. reason: what its decision would name
-- look-back: none
select
    judged.step,
    judged.due_at,
    judged.refusal,
    judged.reason
from judged
order by judged.step_due_id
