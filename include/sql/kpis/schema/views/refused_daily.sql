-- Why nothing was mailed: steps skipped by their decision, and messages that ended without acceptance.
create or replace view kpi.refused_daily as
select
    o.day,
    o.campaign,
    o.step,
    o.variant,
    case when o.state is null then 'decision' else 'message' end as refused_by,
    coalesce(o.state, o.decision_outcome) as outcome,
    coalesce(o.reason, o.state, o.decision_outcome) as reason,
    count(*) as steps
from kpi.step_outcome as o
where o.accepted_at is null and (not o.is_open or o.state = 'in_doubt')
group by o.day, o.campaign, o.step, o.variant, o.state, o.decision_outcome, o.reason;

comment on view kpi.refused_daily is
'Steps that no mail went out for, one row per reporting day, campaign, step, variant and reason.';
comment on column kpi.refused_daily.day is 'Reporting day of the decision.';
comment on column kpi.refused_daily.campaign is 'Campaign.';
comment on column kpi.refused_daily.step is 'Step.';
comment on column kpi.refused_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.refused_daily.refused_by is 'decision; message = refused after it was planned.';
comment on column kpi.refused_daily.outcome is 'skip, or the message''s state.';
comment on column kpi.refused_daily.reason is 'Named reason.';
comment on column kpi.refused_daily.steps is 'Steps not mailed.';
