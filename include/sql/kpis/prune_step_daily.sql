-- Remove rows that no longer count a step.
-- grain: one row per (day, decided_day, campaign, step, variant, decision_outcome, decision_reason, state, reason,
--   outcome)
delete from kpi.step_daily
where step_daily.steps = 0
