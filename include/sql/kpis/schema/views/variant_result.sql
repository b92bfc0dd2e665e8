-- Variants of a step compared: each with all others together. People count from the decision of the step.
create or replace view kpi.variant_result as
select
    r.campaign,
    r.step,
    r.arm as variant,
    r.as_of,
    r.verdict,
    r.units,
    r.converters,
    r.rate,
    r.rate_low,
    r.rate_high,
    r.other_units,
    r.other_converters,
    r.other_rate,
    r.difference,
    r.difference_low,
    r.difference_high,
    r.epochs,
    r.pending_units,
    r.minimum_detectable,
    r.goal_target_ratio,
    r.needed_units,
    r.sample_ratio_p
from kpi.experiment_result as r
where r.kind = 'variant';

comment on view kpi.variant_result is
'Conversions of each variant and of all other variants together, one row per campaign, step and variant. People count '
'whose window is over and who are eligible.';
comment on column kpi.variant_result.campaign is 'Campaign.';
comment on column kpi.variant_result.step is 'Step.';
comment on column kpi.variant_result.variant is 'Variant.';
comment on column kpi.variant_result.as_of is '`now` of the last roll-up: windows that were over then count.';
comment on column kpi.variant_result.verdict is
'Read it before any number. too_few: not enough people yet; helps, hurts: better or worse than the others; no_call: '
'neither is clear, or the variants do not have their shares (sample_ratio_p).';
comment on column kpi.variant_result.units is 'People.';
comment on column kpi.variant_result.converters is
'Of units: goal reached within the window from the first decision of the step.';
comment on column kpi.variant_result.rate is 'converters / units.';
comment on column kpi.variant_result.rate_low is 'Its lower bound, 95 %.';
comment on column kpi.variant_result.rate_high is 'Its upper bound, 95 %.';
comment on column kpi.variant_result.other_units is 'People of the other variants.';
comment on column kpi.variant_result.other_converters is 'Of other_units: goal reached inside the window.';
comment on column kpi.variant_result.other_rate is 'other_converters / other_units.';
comment on column kpi.variant_result.difference is
'One epoch: rate - other_rate. Several: the mean of their differences (Mantel-Haenszel). Above 0 is good.';
comment on column kpi.variant_result.difference_low is
'Its lower bound, 95 %; of k variants each at 5 % / (k - 1), so that all calls together hold.';
comment on column kpi.variant_result.difference_high is 'Its upper bound, likewise.';
comment on column kpi.variant_result.epochs is 'Epochs with the present goal in which both sides have people.';
comment on column kpi.variant_result.pending_units is 'Eligible people of all variants whose window is still open.';
comment on column kpi.variant_result.minimum_detectable is
'Difference that these people show in 80 % of tests; null = a side has no people.';
comment on column kpi.variant_result.goal_target_ratio is
'The campaign''s target; above it minimum_detectable makes the verdict too_few. Null = no target.';
comment on column kpi.variant_result.needed_units is
'People of all variants at which minimum_detectable is the target; null = no target.';
comment on column kpi.variant_result.sample_ratio_p is
'How likely such arms are by their shares (chi-square); below 0.001 something else chose who got which.';
