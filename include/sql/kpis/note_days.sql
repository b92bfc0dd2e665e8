-- Note the steps of the given days.
-- grain: one row per (enrollment, step)
-- since, until date: reporting days, both included
insert into kpi_changed (enrollment_id, step)
select
    known.enrollment_id,
    known.step
from kpi.step_outcome as known
where known.day between cast(:since as date) and cast(:until as date)
