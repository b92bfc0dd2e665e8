-- Each campaign's series next to its own target, inside the dates that the target is for.
create or replace view kpi.campaign_goal as
with reported as (
    select
        max(case when p.name = 'as_of' then p.value end)::timestamptz as as_of,
        coalesce(max(case when p.name = 'reporting_zone' then p.value end), 'UTC') as zone
    from kpi.progress as p
    where p.name in ('as_of', 'reporting_zone')
),

counted as (
    select
        c.campaign,
        coalesce(sum(s.mailed), 0) as mailed,
        coalesce(sum(s.converted), 0) as converted,
        coalesce(c.goal_from, min(s.day)) as first_day
    from journey.campaign as c
    left join kpi.series_daily as s
        on
            c.campaign = s.campaign
            and s.day >= coalesce(c.goal_from, '-infinity')
            and s.day <= coalesce(c.goal_until, 'infinity')
    group by c.campaign, c.goal_from
),

timed as (
    select
        n.*,
        r.as_of,
        (r.as_of at time zone r.zone)::date as today,
        case
            when c.goal_target_ratio is not null
                then greatest(0, ceil(c.goal_target_ratio * n.mailed) - n.converted)
        end as missing
    from counted as n
    inner join journey.campaign as c on n.campaign = c.campaign
    cross join reported as r
)

select
    c.campaign,
    c.goal_event,
    c.goal_within_days,
    c.goal_target_ratio,
    c.goal_from,
    c.goal_until,
    t.as_of,
    t.mailed as mailed_series,
    t.converted as converted_series,
    kpi.rate(t.converted, t.mailed) as conversion_rate,
    kpi.rate_low(t.converted, t.mailed) as conversion_rate_low,
    kpi.rate_high(t.converted, t.mailed) as conversion_rate_high,
    kpi.rate(t.converted, t.mailed) - c.goal_target_ratio as above_target,
    kpi.wilson(t.converted, t.mailed, -1) >= c.goal_target_ratio as is_reached,
    t.missing as converters_missing,
    case
        when c.goal_target_ratio is not null and c.goal_until >= t.today then c.goal_until - t.today + 1
    end as days_left,
    case
        when c.goal_until >= t.today then round(t.missing / (c.goal_until - t.today + 1), 6)
    end as needed_per_day,
    case
        when c.goal_target_ratio is not null and t.first_day <= t.today
            then round(t.converted / (least(t.today, c.goal_until) - t.first_day + 1), 6)
    end as pace
from journey.campaign as c
inner join timed as t on c.campaign = t.campaign;

comment on view kpi.campaign_goal is
'Progress of each campaign towards its goal, one row per campaign. Series count, not mails, by the day of their first '
'delivered mail, from goal_from to goal_until. Without a target, what compares with it is null.';
comment on column kpi.campaign_goal.campaign is 'Campaign.';
comment on column kpi.campaign_goal.goal_event is 'What counts as a conversion.';
comment on column kpi.campaign_goal.goal_within_days is 'Conversion window, days of 24 hours.';
comment on column kpi.campaign_goal.goal_target_ratio is 'Target: share of mailed series that converts.';
comment on column kpi.campaign_goal.goal_from is 'Date that the target counts from; null = the first mail.';
comment on column kpi.campaign_goal.goal_until is 'Date that the target is for; null = none.';
comment on column kpi.campaign_goal.as_of is '`now` of the last roll-up.';
comment on column kpi.campaign_goal.mailed_series is 'Series with a delivered mail.';
comment on column kpi.campaign_goal.converted_series is
'Of mailed_series: a delivered mail reached the goal inside its window.';
comment on column kpi.campaign_goal.conversion_rate is 'converted_series / mailed_series.';
comment on column kpi.campaign_goal.conversion_rate_low is 'Its lower bound, 95 %.';
comment on column kpi.campaign_goal.conversion_rate_high is 'Its upper bound, 95 %.';
comment on column kpi.campaign_goal.above_target is 'conversion_rate - goal_target_ratio.';
comment on column kpi.campaign_goal.is_reached is 'The lower bound is not below the target.';
comment on column kpi.campaign_goal.converters_missing is
'Conversions that are missing for the target at the present number of mailed series.';
comment on column kpi.campaign_goal.days_left is 'Days until goal_until, today and that day included.';
comment on column kpi.campaign_goal.needed_per_day is
'converters_missing / days_left; null = goal_until is over, or there is none.';
comment on column kpi.campaign_goal.pace is
'converted_series per day so far, from goal_from, else from the first mail. At least needed_per_day is good.';
