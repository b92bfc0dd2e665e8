-- Why nothing was mailed: steps skipped by their decision, and messages that ended without acceptance.
create or replace view kpi.refused_daily as
select
    d.day,
    d.campaign,
    d.step,
    d.variant,
    coalesce(nullif(d.reason, ''), nullif(d.state, ''), d.decision_outcome) as reason,
    cast(sum(d.steps) as bigint) as steps,
    cast(coalesce(sum(d.steps) filter (where d.state = ''), 0) as bigint) as by_decision,
    cast(coalesce(sum(d.steps) filter (where d.state <> ''), 0) as bigint) as by_message,
    cast(coalesce(sum(d.steps) filter (where d.state = 'in_doubt'), 0) as bigint) as in_doubt,
    max(d.as_of) as as_of
from kpi.step_daily as d
where
    d.outcome = ''
    and d.state not in ('planned', 'claimed')
    and (d.state <> '' or d.decision_outcome = 'skip')
group by
    d.day, d.campaign, d.step, d.variant, coalesce(nullif(d.reason, ''), nullif(d.state, ''), d.decision_outcome);

comment on view kpi.refused_daily is
'Steps that no mail went out for, one row per reporting day, campaign, step, arm and reason.';
comment on column kpi.refused_daily.day is 'Reporting day of the decision.';
comment on column kpi.refused_daily.campaign is 'Campaign.';
comment on column kpi.refused_daily.step is 'Step.';
comment on column kpi.refused_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.refused_daily.reason is 'Named reason.';
comment on column kpi.refused_daily.steps is 'Steps not mailed.';
comment on column kpi.refused_daily.by_decision is 'Of these: skipped by their decision, so there never was a message.';
comment on column kpi.refused_daily.by_message is 'Of these: refused after the message was planned.';
comment on column kpi.refused_daily.in_doubt is
'Of by_message: it is not known yet whether the provider took the mail. An event may still prove that it did.';
comment on column kpi.refused_daily.as_of is '`now` of the roll-up that last wrote any of this.';
