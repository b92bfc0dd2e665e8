-- Keep for later what lies ahead of the steps that were judged: the first such fact of each.
-- grain: one row per step
-- now timestamptz
insert into kpi.ahead (happens_at, about, customer_id, enrollment_id, step)
select
    least(judged.heard_ahead_at, goal.ahead_at) as happens_at,
    'mail' as about,
    judged.customer_id,
    judged.enrollment_id,
    judged.step
from kpi_judged as judged
left join kpi_goal as goal on judged.enrollment_id = goal.enrollment_id and judged.step = goal.step
where least(judged.heard_ahead_at, goal.ahead_at) > cast(:now as timestamptz)
