-- Experiments: who is compared with whom, how many they are, and what may be said of it. Series by day, for goals.
-- The view read every enrollment by a function that goes. `migrate` replaces it afterwards, with the grants it has.
-- Until then it has the same columns and no row.
do $$
begin
    if to_regclass('kpi.campaign_lift') is not null then
        execute 'create or replace view kpi.campaign_lift as
        select
            null::text as campaign, null::bigint as treated, null::bigint as treated_converters,
            null::numeric as treated_rate, null::bigint as held_out, null::bigint as held_out_converters,
            null::numeric as held_out_rate, null::numeric as lift, null::numeric as lift_low, null::numeric as lift_high
        where false';
    end if;
end
$$;
drop function if exists kpi.goal_at(text, text, text, timestamptz, timestamptz);

create table kpi.experiment (
    campaign text not null,
    epoch integer not null,
    kind text not null check (kind in ('holdout', 'variant')),
    step text not null,
    shares jsonb not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    goal_event text not null,
    goal_within_days numeric(8, 3) not null,
    as_of timestamptz not null,
    primary key (campaign, epoch, kind, step)
);

comment on table kpi.experiment is
'What is compared: people held out, or variants of a step. One row per campaign, epoch, kind and step.';
comment on column kpi.experiment.campaign is 'Campaign.';
comment on column kpi.experiment.epoch is 'Epoch, in which shares, variants and goal stay the same.';
comment on column kpi.experiment.kind is 'holdout, or variant.';
comment on column kpi.experiment.step is 'Step of the variants; empty = the holdout, which is of no step.';
comment on column kpi.experiment.shares is 'Arm and its share; they add up to 1. Arms of a holdout: treated, held_out.';
comment on column kpi.experiment.started_at is 'as_of from which series began so.';
comment on column kpi.experiment.ended_at is 'as_of from which series began otherwise; null = they still begin so.';
comment on column kpi.experiment.goal_event is 'What counts as a conversion.';
comment on column kpi.experiment.goal_within_days is 'Conversion window, days of 24 hours.';
comment on column kpi.experiment.as_of is 'Moment up to which units were counted: `now` of the last roll-up.';

create table kpi.arm_unit (
    campaign text not null,
    epoch integer not null,
    kind text not null,
    step text not null,
    customer_id text not null,
    arm text not null,
    enrollment_id bigint not null,
    enrolled_at timestamptz not null,
    decided_at timestamptz not null,
    is_eligible boolean not null,
    counted_from timestamptz not null,
    window_ends_at timestamptz not null,
    converted_at timestamptz,
    orders bigint not null,
    revenue jsonb not null,
    orders_before bigint not null,
    revenue_before jsonb not null,
    primary key (customer_id, campaign, epoch, kind, step)
);
create index arm_unit_window on kpi.arm_unit (window_ends_at);

comment on table kpi.arm_unit is
'People who are compared, each once per experiment: one row per campaign, epoch, kind, step and customer.';
comment on column kpi.arm_unit.campaign is 'Campaign.';
comment on column kpi.arm_unit.epoch is 'Epoch.';
comment on column kpi.arm_unit.kind is 'holdout, or variant.';
comment on column kpi.arm_unit.step is 'Step of the variants; empty = the holdout.';
comment on column kpi.arm_unit.customer_id is 'Customer.';
comment on column kpi.arm_unit.arm is 'treated or held_out; the variant.';
comment on column kpi.arm_unit.enrollment_id is
'The customer''s first series of the epoch; of a variant the first in which the step was decided.';
comment on column kpi.arm_unit.enrolled_at is 'When it began.';
comment on column kpi.arm_unit.decided_at is 'First decision of its first step; of a variant of this step.';
comment on column kpi.arm_unit.is_eligible is
'That decision was send, defer, held_out, stale, no_common_hours, capped or lower_priority: a mail was possible, in '
'either arm.';
comment on column kpi.arm_unit.counted_from is 'Begin of the window: enrolled_at; of a variant decided_at.';
comment on column kpi.arm_unit.window_ends_at is 'End of the window, included.';
comment on column kpi.arm_unit.converted_at is
'Goal reached inside the window; null = it was not, or held-out people could not reach it (open, click, offer_used).';
comment on column kpi.arm_unit.orders is 'Orders inside the window that were not cancelled.';
comment on column kpi.arm_unit.revenue is
'Their totals by currency (ISO 4217; XXX = none named), refunded ones left out: {"EUR": 12.5}. Never add them up.';
comment on column kpi.arm_unit.orders_before is 'Orders of the 90 days before enrolled_at that were not cancelled.';
comment on column kpi.arm_unit.revenue_before is 'Their totals by currency, refunded ones left out.';

create table kpi.arm_count (
    campaign text not null,
    epoch integer not null,
    kind text not null,
    step text not null,
    arm text not null,
    is_eligible boolean not null,
    is_matured boolean not null,
    units bigint not null,
    converters bigint not null,
    primary key (campaign, epoch, kind, step, arm, is_eligible, is_matured)
);

comment on table kpi.arm_count is
'How many people each arm has: one row per campaign, epoch, kind, step, arm, is_eligible and is_matured.';
comment on column kpi.arm_count.campaign is 'Campaign.';
comment on column kpi.arm_count.epoch is 'Epoch.';
comment on column kpi.arm_count.kind is 'holdout, or variant.';
comment on column kpi.arm_count.step is 'Step of the variants; empty = the holdout.';
comment on column kpi.arm_count.arm is 'treated or held_out; the variant.';
comment on column kpi.arm_count.is_eligible is 'As in kpi.arm_unit.';
comment on column kpi.arm_count.is_matured is 'The window was over at kpi.experiment.as_of.';
comment on column kpi.arm_count.units is 'People.';
comment on column kpi.arm_count.converters is 'Of these: goal reached inside the window.';

create table kpi.experiment_result (
    campaign text not null,
    kind text not null,
    step text not null,
    arm text not null,
    as_of timestamptz not null,
    goal_event text not null,
    goal_target_ratio numeric(8, 6),
    epochs bigint not null,
    units bigint not null,
    converters bigint not null,
    other_units bigint not null,
    other_converters bigint not null,
    pending_units bigint not null,
    rate numeric(8, 6),
    rate_low numeric(8, 6),
    rate_high numeric(8, 6),
    other_rate numeric(8, 6),
    other_rate_low numeric(8, 6),
    other_rate_high numeric(8, 6),
    difference numeric(8, 6),
    difference_low numeric(8, 6),
    difference_high numeric(8, 6),
    all_units bigint not null,
    all_converters bigint not null,
    all_other_units bigint not null,
    all_other_converters bigint not null,
    all_difference numeric(8, 6),
    all_difference_low numeric(8, 6),
    all_difference_high numeric(8, 6),
    minimum_detectable numeric(8, 6),
    needed_units bigint,
    sample_ratio_p double precision,
    verdict text not null check (verdict in ('helps', 'hurts', 'no_call', 'too_few')),
    primary key (campaign, kind, step, arm)
);

comment on table kpi.experiment_result is
'Each arm compared with the others, over the epochs with the present goal: one row per campaign, kind, step and arm. '
'Unless said otherwise, people count whose window is over and who are eligible.';
comment on column kpi.experiment_result.campaign is 'Campaign.';
comment on column kpi.experiment_result.kind is 'holdout: the treated compared with the held out; or variant.';
comment on column kpi.experiment_result.step is 'Step of the variants; empty = the holdout.';
comment on column kpi.experiment_result.arm is 'treated, or the variant.';
comment on column kpi.experiment_result.as_of is '`now` of the last roll-up: windows that were over then count.';
comment on column kpi.experiment_result.goal_event is 'What counts as a conversion.';
comment on column kpi.experiment_result.goal_target_ratio is 'The campaign''s target; null = it has none.';
comment on column kpi.experiment_result.epochs is 'Epochs in which both sides have people.';
comment on column kpi.experiment_result.units is 'People of the arm.';
comment on column kpi.experiment_result.converters is 'Of units: goal reached inside the window.';
comment on column kpi.experiment_result.other_units is 'People of the other arms.';
comment on column kpi.experiment_result.other_converters is 'Of other_units: goal reached inside the window.';
comment on column kpi.experiment_result.pending_units is 'Eligible people of all arms whose window is still open.';
comment on column kpi.experiment_result.rate is 'converters / units; null = no people.';
comment on column kpi.experiment_result.rate_low is 'Its lower bound, 95 %.';
comment on column kpi.experiment_result.rate_high is 'Its upper bound, 95 %.';
comment on column kpi.experiment_result.other_rate is 'other_converters / other_units; null = no people.';
comment on column kpi.experiment_result.other_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.experiment_result.other_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.experiment_result.difference is
'Above 0 is good. One epoch: rate - other_rate. Several: the mean of their differences (Mantel-Haenszel), because '
'rates over epochs with different shares cannot be compared. Null = a side has no people.';
comment on column kpi.experiment_result.difference_low is
'Lower bound, 95 %; of k variants each at 5 % / (k - 1), so that all calls together hold.';
comment on column kpi.experiment_result.difference_high is 'Upper bound, likewise.';
comment on column kpi.experiment_result.all_units is 'People of the arm, eligible or not.';
comment on column kpi.experiment_result.all_converters is 'Of all_units: goal reached inside the window.';
comment on column kpi.experiment_result.all_other_units is 'People of the other arms, eligible or not.';
comment on column kpi.experiment_result.all_other_converters is 'Of all_other_units: goal reached inside the window.';
comment on column kpi.experiment_result.all_difference is 'The difference among all people, eligible or not.';
comment on column kpi.experiment_result.all_difference_low is 'Its lower bound.';
comment on column kpi.experiment_result.all_difference_high is 'Its upper bound.';
comment on column kpi.experiment_result.minimum_detectable is
'Difference that these people show in 80 % of tests; null = a side has no people.';
comment on column kpi.experiment_result.needed_units is
'People of all arms until minimum_detectable is the target, if they go on being dealt as now; null = no target.';
comment on column kpi.experiment_result.sample_ratio_p is
'How likely such counts of people are by the shares; below 0.001 something else chose who is in which arm.';
comment on column kpi.experiment_result.verdict is
'too_few: minimum_detectable is above the target, and no number says anything yet; helps, hurts: the interval lies '
'above or below 0; no_call: it holds 0, or sample_ratio_p is below 0.001.';

create table kpi.moved_fact (
    customer_id text not null,
    happened_at timestamptz not null
);

comment on table kpi.moved_fact is
'Facts that a customer no longer has, or has at another time; rows may repeat, and the next roll-up deletes them.';
comment on column kpi.moved_fact.customer_id is 'Customer who had the fact before.';
comment on column kpi.moved_fact.happened_at is 'When it had happened.';

create table kpi.series_daily (
    day date not null,
    campaign text not null,
    mailed bigint not null,
    converted bigint not null,
    primary key (day, campaign)
);

comment on table kpi.series_daily is
'Series by the day of their first delivered mail, one row per reporting day and campaign.';
comment on column kpi.series_daily.day is 'Reporting day of acceptance of the series'' first delivered mail.';
comment on column kpi.series_daily.campaign is 'Campaign.';
comment on column kpi.series_daily.mailed is 'Series with a delivered mail.';
comment on column kpi.series_daily.converted is 'Of mailed: a delivered mail reached the goal inside its window.';

comment on column kpi.progress.name is 'What: events, decisions:<campaign>, goal:<campaign>, reporting_zone, as_of.';

-- Units of the series so far come with a full roll-up. Without a known zone the next one is full.
delete from kpi.progress where progress.name = 'reporting_zone';
