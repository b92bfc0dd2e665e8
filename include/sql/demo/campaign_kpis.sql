-- What: each campaign's numbers over all its days, next to the guides' benchmarks, its series next to their target, and
-- its measured lift with what may be said of it.
-- Grain: one row per campaign.
-- Parameters: none.
-- Look-back: none, all days.
select
    s.campaign,
    s.accepted,
    s.held_out,
    s.delivered,
    s.delivery_rate,
    s.events_coverage,
    s.open_rate,
    s.open_rate_benchmark,
    s.machine_open_rate,
    s.click_through_rate,
    s.click_through_rate_benchmark,
    s.click_to_open_rate,
    s.converters,
    s.conversion_rate,
    s.click_to_conversion,
    g.conversion_rate as series_rate,
    g.goal_target_ratio,
    s.bounce_rate,
    s.bounce_rate_benchmark,
    s.hard_bounce_rate,
    s.soft_bounce_rate,
    s.unsubscribe_rate,
    s.unsubscribe_rate_benchmark,
    s.complaint_rate,
    s.complaint_rate_benchmark,
    l.verdict,
    l.eligible_units,
    l.needed_units,
    l.sample_ratio_p,
    l.lift,
    l.lift_low,
    l.lift_high
from kpi.campaign_summary as s
left join kpi.campaign_goal as g on s.campaign = g.campaign
left join kpi.campaign_lift as l on s.campaign = l.campaign
where s.step is null and s.variant is null
order by s.campaign
