-- Replace the stored outcomes with the new ones. Equal ones are left alone.
-- grain: one row per (enrollment, step)
insert into kpi.step_outcome as known (
    enrollment_id,
    step,
    campaign,
    customer_id,
    variant,
    day,
    decision_id,
    decided_at,
    decision_outcome,
    decision_reason,
    state,
    reason,
    is_open,
    accepted_at,
    goal_until,
    outcome,
    takes_credit,
    each_day
)
select
    kpi_outcome.enrollment_id,
    kpi_outcome.step,
    kpi_outcome.campaign,
    kpi_outcome.customer_id,
    kpi_outcome.variant,
    kpi_outcome.day,
    kpi_outcome.decision_id,
    kpi_outcome.decided_at,
    kpi_outcome.decision_outcome,
    kpi_outcome.decision_reason,
    kpi_outcome.state,
    kpi_outcome.reason,
    kpi_outcome.is_open,
    kpi_outcome.accepted_at,
    kpi_outcome.goal_until,
    kpi_outcome.outcome,
    kpi_outcome.takes_credit,
    kpi_outcome.each_day
from kpi_outcome
on conflict (enrollment_id, step) do update
    set
        campaign = excluded.campaign,
        customer_id = excluded.customer_id,
        variant = excluded.variant,
        day = excluded.day,
        decision_id = excluded.decision_id,
        decided_at = excluded.decided_at,
        decision_outcome = excluded.decision_outcome,
        decision_reason = excluded.decision_reason,
        state = excluded.state,
        reason = excluded.reason,
        is_open = excluded.is_open,
        accepted_at = excluded.accepted_at,
        goal_until = excluded.goal_until,
        outcome = excluded.outcome,
        takes_credit = excluded.takes_credit,
        each_day = excluded.each_day
    where (known.*) is distinct from (excluded.*)
