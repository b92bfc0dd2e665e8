-- Views read counts, not steps and occurrences one by one. Every row of a table that is no queue says which roll-up
-- wrote it. Rows that are there have the last one: a constant default fills them without writing the table again.
do $$
declare
    written text;
    last_roll_up timestamptz := coalesce(
        (select max(roll_up.rolled_up_at) from kpi.roll_up), '-infinity'
    );
begin
    foreach written in array array['arm_unit', 'arm_count', 'series_daily'] loop
        execute format('alter table kpi.%I add column as_of timestamptz not null default %L', written, last_roll_up);
        execute format('alter table kpi.%I alter column as_of drop default', written);
        execute format(
            'comment on column kpi.%I.as_of is %L', written, '`now` of the roll-up that last wrote the row.'
        );
    end loop;
end
$$;

comment on schema kpi is
'Stage 8, kpis: numerators and denominators an analyst can add up; rates are views over them. as_of on a row is the '
'moment up to which facts counted when a roll-up last wrote it. Later roll-ups found nothing that changes the row, so '
'it holds until as_of of kpi.progress too.';

create table kpi.step_daily (
    day date not null,
    decided_day date not null,
    campaign text not null,
    step text not null,
    variant text not null,
    decision_outcome text not null,
    decision_reason text not null,
    state text not null,
    reason text not null,
    outcome text not null,
    steps bigint not null,
    as_of timestamptz not null,
    primary key (
        day, decided_day, campaign, step, variant, decision_outcome, decision_reason, state, reason, outcome
    )
);

comment on table kpi.step_daily is
'Steps by what was decided and what became of them: one row per day, decided_day, campaign, step, variant, '
'decision_outcome, decision_reason, state, reason and outcome. Empty words are of steps that have none.';
comment on column kpi.step_daily.day is 'Reporting day: of acceptance, else of the final decision.';
comment on column kpi.step_daily.decided_day is 'Reporting day of the final decision.';
comment on column kpi.step_daily.campaign is 'Campaign.';
comment on column kpi.step_daily.step is 'Step.';
comment on column kpi.step_daily.variant is 'Arm of the step, or ''holdout''.';
comment on column kpi.step_daily.decision_outcome is 'send, skip, defer, hold; empty = no decision is kept.';
comment on column kpi.step_daily.decision_reason is 'Its reason.';
comment on column kpi.step_daily.state is 'State of the message; empty = there is none.';
comment on column kpi.step_daily.reason is 'Why nothing was mailed: reason of the decision, or of the message.';
comment on column kpi.step_daily.outcome is 'Outcome of an accepted mail; empty = none was accepted.';
comment on column kpi.step_daily.steps is 'Steps.';
comment on column kpi.step_daily.as_of is '`now` of the roll-up that last wrote the row.';

insert into kpi.step_daily (
    day, decided_day, campaign, step, variant, decision_outcome, decision_reason, state, reason, outcome, steps, as_of
)
select
    known.day,
    coalesce(known.planned_day, known.held_out_day, known.skipped_day, known.day) as decided_day,
    known.campaign,
    known.step,
    known.variant,
    coalesce(known.decision_outcome, '') as decision_outcome,
    coalesce(known.decision_reason, '') as decision_reason,
    coalesce(known.state, '') as state,
    coalesce(known.reason, '') as reason,
    coalesce(known.outcome, '') as outcome,
    count(*) as steps,
    max(known.as_of) as as_of
from kpi.step_outcome as known
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10;

create table kpi.waiting_daily (
    day date not null,
    campaign text not null,
    reason text not null,
    occurrences bigint not null,
    customers bigint not null,
    as_of timestamptz not null,
    primary key (day, campaign, reason)
);

comment on table kpi.waiting_daily is
'Occurrences of members that have no series, one row per reporting day, campaign and reason.';
comment on column kpi.waiting_daily.day is
'Reporting day of the as_of since which the occurrences have no series for this reason.';
comment on column kpi.waiting_daily.campaign is 'Campaign.';
comment on column kpi.waiting_daily.reason is
'series_running: the customer is in a series of the campaign; reentered_too_soon: reenter_after_days are not over.';
comment on column kpi.waiting_daily.occurrences is
'Occurrences. One that is enrolled later is not counted any more.';
comment on column kpi.waiting_daily.customers is 'Distinct customers of these occurrences.';
comment on column kpi.waiting_daily.as_of is '`now` of the roll-up that last wrote the row.';

create table kpi.waiting_change (
    campaign text not null,
    decided_at timestamptz not null
);

comment on table kpi.waiting_change is
'Days to count again, because an occurrence began or ceased to wait; rows may repeat. The next roll-up counts them '
'and deletes the rows.';
comment on column kpi.waiting_change.campaign is 'Campaign of these occurrences.';
comment on column kpi.waiting_change.decided_at is 'as_of since which they wait, or waited.';

insert into kpi.waiting_change (campaign, decided_at)
select distinct
    occurrence.campaign,
    occurrence.decided_at
from journey.occurrence
where occurrence.fate = 'waiting';
