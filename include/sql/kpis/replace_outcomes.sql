-- Replace the stored outcomes with the new ones. Equal ones are left alone.
-- grain: one row per (enrollment, step)
-- as_of timestamptz: `now` of the roll-up
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
    credit_model,
    credit_since,
    credit_until,
    each_day,
    as_of
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
    kpi_outcome.credit_model,
    kpi_outcome.credit_since,
    kpi_outcome.credit_until,
    kpi_outcome.each_day,
    cast(:as_of as timestamptz) as as_of
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
        credit_model = excluded.credit_model,
        credit_since = excluded.credit_since,
        credit_until = excluded.credit_until,
        each_day = excluded.each_day,
        as_of = excluded.as_of
    where
    (
        known.campaign, known.customer_id, known.variant, known.day, known.decision_id, known.decided_at,
        known.decision_outcome, known.decision_reason, known.state, known.reason, known.is_open, known.accepted_at,
        known.goal_until, known.outcome, known.credit_model, known.credit_since, known.credit_until
    )
    is distinct from (
        excluded.campaign, excluded.customer_id, excluded.variant, excluded.day, excluded.decision_id,
        excluded.decided_at, excluded.decision_outcome, excluded.decision_reason, excluded.state, excluded.reason,
        excluded.is_open, excluded.accepted_at, excluded.goal_until, excluded.outcome, excluded.credit_model,
        excluded.credit_since, excluded.credit_until
    )
    or known.each_day is distinct from excluded.each_day
