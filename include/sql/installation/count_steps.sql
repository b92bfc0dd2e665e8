-- What: how many steps of the KPI tables have their final decision in a month.
-- Grain: one row.
-- Parameters: month_start timestamptz.
-- Look-back: that month.
select count(*) as steps
from kpi.step_outcome
where
    step_outcome.decided_at >= cast(:month_start as timestamptz)
    and step_outcome.decided_at < cast(:month_start as timestamptz) + interval '1 month'
