-- Every step that was ever decided, and every message.
-- grain: one row per (enrollment, step)
-- look-back: everything
insert into kpi_touched (
    enrollment_id, step, campaign, customer_id, variant, decision_id, decided_at, decision_outcome, decision_reason
)
select
    coalesce(final.enrollment_id, message.enrollment_id) as enrollment_id,
    coalesce(final.step, message.step) as step,
    final.campaign,
    final.customer_id,
    final.variant,
    final.decision_id,
    final.decided_at,
    final.outcome as decision_outcome,
    final.reason as decision_reason
from (
    select distinct on (decision.enrollment_id, decision.step) decision.*
    from decision.decision
    order by decision.enrollment_id asc, decision.step asc, decision.decision_id desc
) as final
full join message.message
    on final.enrollment_id = message.enrollment_id and final.step = message.step
