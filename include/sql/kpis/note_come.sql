-- Note the steps for which a fact counts whose time has come.
-- grain: one row per step and fact
insert into kpi_changed (enrollment_id, step)
select
    come.enrollment_id,
    come.step
from kpi_come as come
where come.about = 'mail'
