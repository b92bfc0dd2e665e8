-- What was decided, and why, by the day of the decision.
create or replace view kpi.decision_daily as
select
    d.decided_day as day,
    d.campaign,
    d.step,
    d.variant,
    d.decision_outcome as outcome,
    d.decision_reason as reason,
    cast(sum(d.steps) as bigint) as steps,
    max(d.as_of) as as_of
from kpi.step_daily as d
where d.decision_outcome <> ''
group by d.decided_day, d.campaign, d.step, d.variant, d.decision_outcome, d.decision_reason;

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
