-- What: each campaign's counts over all days, beside its own goal. Every mail stands on exactly one day of
--   kpi.campaign_daily (that of its acceptance), so days may be added here.
-- Grain: one row a campaign.
-- Parameters: none.
-- Look-back: none, all days.
select
    k.campaign,
    c.goal_target_ratio,
    sum(k.planned) as planned,
    sum(k.held_out) as held_out,
    sum(k.accepted) as accepted,
    sum(k.delivered) as delivered,
    sum(k.openers) as openers,
    sum(k.machine_openers) as machine_openers,
    sum(k.clickers) as clickers,
    sum(k.converters) as converters,
    sum(k.revenue) as revenue,
    sum(k.bounced_hard) as bounced_hard,
    sum(k.bounced_soft) as bounced_soft,
    sum(k.dropped) as dropped,
    sum(k.unsubscribed) as unsubscribed,
    sum(k.complained) as complained
from kpi.campaign_daily as k
inner join journey.campaign as c on k.campaign = c.campaign
group by k.campaign, c.goal_target_ratio
order by k.campaign
