-- Each campaign's conversion rate next to its own target.
create or replace view kpi.campaign_goal as
select
    c.campaign,
    c.goal_event,
    c.goal_within_days,
    c.goal_target_ratio,
    c.goal_until,
    coalesce(s.delivered, 0) as delivered,
    coalesce(s.converters, 0) as converters,
    s.conversion_rate,
    s.conversion_rate - c.goal_target_ratio as above_target,
    s.conversion_rate >= c.goal_target_ratio as is_reached,
    greatest(0, ceil(c.goal_target_ratio * s.delivered) - s.converters) as converters_missing
from journey.campaign as c
left join kpi.campaign_summary as s on c.campaign = s.campaign and s.step is null and s.variant is null;

comment on view kpi.campaign_goal is 'Progress of each campaign towards its goal, one row per campaign.';
comment on column kpi.campaign_goal.campaign is 'Campaign.';
comment on column kpi.campaign_goal.goal_event is 'What counts as a conversion.';
comment on column kpi.campaign_goal.goal_within_days is 'Conversion window, days of 24 hours.';
comment on column kpi.campaign_goal.goal_target_ratio is 'Target conversion rate.';
comment on column kpi.campaign_goal.goal_until is 'Date the target is for.';
comment on column kpi.campaign_goal.delivered is 'Messages delivered.';
comment on column kpi.campaign_goal.converters is 'Messages whose goal was reached inside the window.';
comment on column kpi.campaign_goal.conversion_rate is 'converters / delivered.';
comment on column kpi.campaign_goal.above_target is 'conversion_rate - goal_target_ratio.';
comment on column kpi.campaign_goal.is_reached is 'The target is reached.';
comment on column kpi.campaign_goal.converters_missing is
'Conversions that are missing for the target at the present number of deliveries.';
