-- Add the changes to the counts of steps by what was decided and what became of them.
-- grain: one row per (day, decided_day, campaign, step, variant, decision_outcome, decision_reason, state, reason,
--   outcome)
-- as_of timestamptz: `now` of the roll-up
insert into kpi.step_daily as known (
    day, decided_day, campaign, step, variant, decision_outcome, decision_reason, state, reason, outcome, steps, as_of
)
select
    kpi_delta.day,
    coalesce(kpi_delta.planned_day, kpi_delta.held_out_day, kpi_delta.skipped_day, kpi_delta.day) as decided_day,
    kpi_delta.campaign,
    kpi_delta.step,
    kpi_delta.variant,
    coalesce(kpi_delta.decision_outcome, '') as decision_outcome,
    coalesce(kpi_delta.decision_reason, '') as decision_reason,
    coalesce(kpi_delta.state, '') as state,
    coalesce(kpi_delta.reason, '') as reason,
    coalesce(kpi_delta.outcome, '') as outcome,
    sum(kpi_delta.n) as steps,
    cast(:as_of as timestamptz) as as_of
from kpi_delta
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
having sum(kpi_delta.n) <> 0
on conflict (
    day, decided_day, campaign, step, variant, decision_outcome, decision_reason, state, reason, outcome
) do update
    set steps = known.steps + excluded.steps, as_of = excluded.as_of
