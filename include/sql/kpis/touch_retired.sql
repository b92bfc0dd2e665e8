-- Steps whose decisions retention has dropped, as keep_retired set them aside.
-- grain: one row per (enrollment, step)
-- look-back: months whose decisions were dropped
insert into kpi_touched as touched (
    enrollment_id, step, campaign, customer_id, variant, decision_id, decided_at, decision_outcome, decision_reason
)
select
    kpi_retired.enrollment_id,
    kpi_retired.step,
    kpi_retired.campaign,
    kpi_retired.customer_id,
    kpi_retired.variant,
    kpi_retired.decision_id,
    kpi_retired.decided_at,
    kpi_retired.decision_outcome,
    kpi_retired.decision_reason
from kpi_retired
on conflict (enrollment_id, step) do update
    set
        campaign = excluded.campaign,
        customer_id = excluded.customer_id,
        variant = excluded.variant,
        decision_id = excluded.decision_id,
        decided_at = excluded.decided_at,
        decision_outcome = excluded.decision_outcome,
        decision_reason = excluded.decision_reason
    where touched.decision_id is null or touched.decision_id < excluded.decision_id
