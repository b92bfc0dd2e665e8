-- Treated customers compared with held-out ones, both counted from enrollment, whatever was mailed. The interval of the
-- difference is Newcombe's tenth method (Statistics in Medicine 17, 1998, pages 873-890), from Wilson's bounds per arm.
create or replace view kpi.campaign_lift as
with arm as (
    select
        e.campaign,
        count(*) filter (where not e.is_holdout) as treated,
        count(g.reached_at) filter (where not e.is_holdout) as treated_converters,
        count(*) filter (where e.is_holdout) as held_out,
        count(g.reached_at) filter (where e.is_holdout) as held_out_converters
    from journey.enrollment as e
    inner join journey.campaign as c on e.campaign = c.campaign
    cross join
        lateral (
            select kpi.goal_at(
                c.goal_event, e.campaign, e.customer_id, e.enrolled_at,
                e.enrolled_at + c.goal_within_days * interval '24 hours'
            ) as reached_at
        ) as g
    where c.goal_event not in ('open', 'click')
    group by e.campaign
),

share as (
    select
        a.*,
        a.treated_converters::double precision / nullif(a.treated, 0) as treated_share,
        a.held_out_converters::double precision / nullif(a.held_out, 0) as held_out_share,
        kpi.wilson(a.treated_converters, a.treated, -1) as treated_low,
        kpi.wilson(a.treated_converters, a.treated, 1) as treated_high,
        kpi.wilson(a.held_out_converters, a.held_out, -1) as held_out_low,
        kpi.wilson(a.held_out_converters, a.held_out, 1) as held_out_high
    from arm as a
)

select
    s.campaign,
    s.treated,
    s.treated_converters,
    round(s.treated_share::numeric, 6) as treated_rate,
    s.held_out,
    s.held_out_converters,
    round(s.held_out_share::numeric, 6) as held_out_rate,
    round((s.treated_share - s.held_out_share)::numeric, 6) as lift,
    round((
        s.treated_share - s.held_out_share
        - sqrt((s.treated_share - s.treated_low) ^ 2 + (s.held_out_high - s.held_out_share) ^ 2)
    )::numeric, 6) as lift_low,
    round((
        s.treated_share - s.held_out_share
        + sqrt((s.treated_high - s.treated_share) ^ 2 + (s.held_out_share - s.held_out_low) ^ 2)
    )::numeric, 6) as lift_high
from share as s;

comment on view kpi.campaign_lift is
'Conversions of treated and held-out customers from enrollment on, one row per campaign; intervals are 95 %.';
comment on column kpi.campaign_lift.campaign is 'Campaign.';
comment on column kpi.campaign_lift.treated is 'Enrollments that get mail.';
comment on column kpi.campaign_lift.treated_converters is 'Of these: goal reached within the window from enrollment.';
comment on column kpi.campaign_lift.treated_rate is 'treated_converters / treated.';
comment on column kpi.campaign_lift.held_out is 'Enrollments that get nothing.';
comment on column kpi.campaign_lift.held_out_converters is
'Of these: goal reached within the window from enrollment.';
comment on column kpi.campaign_lift.held_out_rate is 'held_out_converters / held_out.';
comment on column kpi.campaign_lift.lift is 'treated_rate - held_out_rate; above 0 is good.';
comment on column kpi.campaign_lift.lift_low is 'Lower bound of the lift, 95 %.';
comment on column kpi.campaign_lift.lift_high is 'Upper bound of the lift, 95 %.';
