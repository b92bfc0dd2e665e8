-- Note all steps of campaigns whose goal was redefined.
-- grain: one row per (enrollment, step)
-- campaigns text[]: these campaigns
-- look-back: everything of these campaigns
insert into kpi_changed (enrollment_id, step)
select
    known.enrollment_id,
    known.step
from kpi.step_outcome as known
where known.campaign = any(cast(:campaigns as text[]))
