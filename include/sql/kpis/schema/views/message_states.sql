-- The states of all messages, those in doubt included.
create or replace view kpi.message_states as
select
    d.campaign,
    d.step,
    d.variant,
    d.state,
    nullif(d.outcome, '') as outcome,
    cast(sum(d.steps) as bigint) as messages,
    max(d.as_of) as as_of
from kpi.step_daily as d
where d.state <> ''
group by d.campaign, d.step, d.variant, d.state, d.outcome;

comment on view kpi.message_states is 'States of all messages, one row per campaign, step, variant, state and outcome.';
comment on column kpi.message_states.campaign is 'Campaign.';
comment on column kpi.message_states.step is 'Step.';
comment on column kpi.message_states.variant is 'Arm of the step.';
comment on column kpi.message_states.state is 'State of the message.';
comment on column kpi.message_states.outcome is 'What became of it once accepted.';
comment on column kpi.message_states.messages is 'Messages.';
comment on column kpi.message_states.as_of is '`now` of the roll-up that last wrote any of this.';
