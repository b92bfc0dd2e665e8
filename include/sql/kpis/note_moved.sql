-- Note the steps whose message changed its state.
-- grain: one row per (enrollment, step)
-- look-back: steps whose message could still move at the last roll-up
insert into kpi_changed (enrollment_id, step)
select
    known.enrollment_id,
    known.step
from kpi.step_outcome as known
left join message.message on known.enrollment_id = message.enrollment_id and known.step = message.step
where known.is_open and known.state is distinct from message.state
