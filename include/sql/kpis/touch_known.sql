-- Steps that changed and are not looked at yet, with what is known of their decision.
-- grain: one row per (enrollment, step)
-- Most steps that changed were also decided since the last roll-up, and are in kpi_touched already. The rest are few.
insert into kpi_touched (
    enrollment_id, step, campaign, customer_id, variant, decision_id, decided_at, decision_outcome, decision_reason
)
select
    unseen.enrollment_id,
    unseen.step,
    known.campaign,
    known.customer_id,
    known.variant,
    known.decision_id,
    known.decided_at,
    known.decision_outcome,
    known.decision_reason
from (
    select distinct
        changed.enrollment_id,
        changed.step
    from kpi_changed as changed
    left join kpi_touched as seen on changed.enrollment_id = seen.enrollment_id and changed.step = seen.step
    where seen.enrollment_id is null
) as unseen
left join kpi.step_outcome as known on unseen.enrollment_id = known.enrollment_id and unseen.step = known.step
