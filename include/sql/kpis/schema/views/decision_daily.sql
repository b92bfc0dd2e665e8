-- What was decided, and why, by the day of the decision.
create or replace view kpi.decision_daily as
select
    coalesce(o.planned_day, o.held_out_day, o.skipped_day, o.day) as day,
    o.campaign,
    o.step,
    o.variant,
    o.decision_outcome as outcome,
    o.decision_reason as reason,
    count(*) as steps,
    max(o.as_of) as as_of
from kpi.step_outcome as o
where o.decision_id is not null
group by
    coalesce(o.planned_day, o.held_out_day, o.skipped_day, o.day), o.campaign, o.step, o.variant,
    o.decision_outcome, o.decision_reason;

comment on view kpi.decision_daily is
'Decisions by outcome and reason, one row per reporting day, campaign, step, variant, outcome and reason.';
comment on column kpi.decision_daily.day is 'Reporting day of the decision.';
comment on column kpi.decision_daily.campaign is 'Campaign.';
comment on column kpi.decision_daily.step is 'Step.';
comment on column kpi.decision_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.decision_daily.outcome is 'send, skip, defer, hold.';
comment on column kpi.decision_daily.reason is 'Named reason.';
comment on column kpi.decision_daily.steps is 'Steps with this decision.';
comment on column kpi.decision_daily.as_of is '`now` of the roll-up that last wrote any of this.';
