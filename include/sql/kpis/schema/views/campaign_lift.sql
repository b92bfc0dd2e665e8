-- Treated people compared with held-out ones. Each counts once per epoch, with the first series and from its beginning.
create or replace view kpi.campaign_lift as
select
    r.campaign,
    r.as_of,
    r.verdict,
    r.units as treated,
    r.converters as treated_converters,
    r.rate as treated_rate,
    r.rate_low as treated_rate_low,
    r.rate_high as treated_rate_high,
    r.other_units as held_out,
    r.other_converters as held_out_converters,
    r.other_rate as held_out_rate,
    r.other_rate_low as held_out_rate_low,
    r.other_rate_high as held_out_rate_high,
    r.difference as lift,
    r.difference_low as lift_low,
    r.difference_high as lift_high,
    r.epochs,
    r.pending_units,
    r.minimum_detectable,
    r.goal_target_ratio,
    r.units + r.other_units as eligible_units,
    r.needed_units,
    r.sample_ratio_p,
    r.all_units as all_treated,
    r.all_converters as all_treated_converters,
    r.all_other_units as all_held_out,
    r.all_other_converters as all_held_out_converters,
    r.all_difference as all_lift,
    r.all_difference_low as all_lift_low,
    r.all_difference_high as all_lift_high
from kpi.experiment_result as r
where r.kind = 'holdout';

comment on view kpi.campaign_lift is
'Conversions of treated and held-out people, one row per campaign; only of those whose goal held-out people can reach. '
'Unless said otherwise, people count whose window is over and who are eligible. Bounds are 95 %.';
comment on column kpi.campaign_lift.campaign is 'Campaign.';
comment on column kpi.campaign_lift.as_of is '`now` of the last roll-up: windows that were over then count.';
comment on column kpi.campaign_lift.verdict is
'Read it before any number. too_few: not enough people yet; helps, hurts: the bounds of lift lie above or below 0; '
'no_call: 0 lies between them, or the arms do not have their shares (sample_ratio_p).';
comment on column kpi.campaign_lift.treated is 'People whose series gets mail.';
comment on column kpi.campaign_lift.treated_converters is
'Of treated: goal reached within the window from the enrollment.';
comment on column kpi.campaign_lift.treated_rate is 'treated_converters / treated.';
comment on column kpi.campaign_lift.treated_rate_low is 'Its lower bound.';
comment on column kpi.campaign_lift.treated_rate_high is 'Its upper bound.';
comment on column kpi.campaign_lift.held_out is 'People whose series gets nothing.';
comment on column kpi.campaign_lift.held_out_converters is
'Of held_out: goal reached within the window from the enrollment.';
comment on column kpi.campaign_lift.held_out_rate is 'held_out_converters / held_out.';
comment on column kpi.campaign_lift.held_out_rate_low is 'Its lower bound.';
comment on column kpi.campaign_lift.held_out_rate_high is 'Its upper bound.';
comment on column kpi.campaign_lift.lift is
'One epoch: treated_rate - held_out_rate. Several: the mean of their differences (Mantel-Haenszel). Above 0 is good.';
comment on column kpi.campaign_lift.lift_low is 'Its lower bound.';
comment on column kpi.campaign_lift.lift_high is 'Its upper bound.';
comment on column kpi.campaign_lift.epochs is 'Epochs with the present goal in which both arms have people.';
comment on column kpi.campaign_lift.pending_units is 'Eligible people of both arms whose window is still open.';
comment on column kpi.campaign_lift.minimum_detectable is
'Lift that these people show in 80 % of tests; null = an arm has no people.';
comment on column kpi.campaign_lift.goal_target_ratio is
'The campaign''s target; above it minimum_detectable makes the verdict too_few. Null = no target.';
comment on column kpi.campaign_lift.eligible_units is 'treated + held_out.';
comment on column kpi.campaign_lift.needed_units is
'eligible_units at which minimum_detectable is the target, if people are held out as now; null = no target.';
comment on column kpi.campaign_lift.sample_ratio_p is
'How likely such arms are by their shares (chi-square); below 0.001 something else chose who is held out.';
comment on column kpi.campaign_lift.all_treated is 'People whose series gets mail, eligible or not.';
comment on column kpi.campaign_lift.all_treated_converters is 'Of all_treated: goal reached inside the window.';
comment on column kpi.campaign_lift.all_held_out is 'People whose series gets nothing, eligible or not.';
comment on column kpi.campaign_lift.all_held_out_converters is 'Of all_held_out: goal reached inside the window.';
comment on column kpi.campaign_lift.all_lift is 'The lift among all of them, eligible or not.';
comment on column kpi.campaign_lift.all_lift_low is 'Its lower bound.';
comment on column kpi.campaign_lift.all_lift_high is 'Its upper bound.';
