-- No mail is counted where it cannot be: each number beside the one it is part of.
-- grain: one row an offending (table, day, campaign, step, variant)
with counted as (
    select
        'campaign_daily' as counts,
        daily.*
    from kpi.campaign_daily as daily
    union all
    -- Days on which things happened add up only over all days.
    select
        'event_daily' as counts,
        min(daily.day) as day,
        daily.campaign,
        daily.step,
        daily.variant,
        sum(daily.planned) as planned,
        sum(daily.held_out) as held_out,
        sum(daily.skipped) as skipped,
        sum(daily.accepted) as accepted,
        sum(daily.delivered) as delivered,
        sum(daily.openers) as openers,
        sum(daily.machine_openers) as machine_openers,
        sum(daily.clickers) as clickers,
        sum(daily.converters) as converters,
        null as revenue,
        null as currency,
        sum(daily.bounced_hard) as bounced_hard,
        sum(daily.bounced_soft) as bounced_soft,
        sum(daily.dropped) as dropped,
        sum(daily.unsubscribed) as unsubscribed,
        sum(daily.complained) as complained
    from kpi.event_daily as daily
    group by daily.campaign, daily.step, daily.variant
)

select
    counted.counts,
    counted.day,
    counted.campaign,
    counted.step,
    counted.variant
from counted
where
    counted.accepted > counted.planned
    or counted.delivered + counted.bounced_hard + counted.bounced_soft + counted.dropped > counted.accepted
    or counted.openers > counted.delivered
    or counted.machine_openers > counted.delivered
    or counted.clickers > counted.delivered
    or counted.unsubscribed > counted.delivered
    or counted.complained > counted.delivered
    or counted.converters > counted.accepted - counted.bounced_hard - counted.bounced_soft - counted.dropped
    or least(
        counted.planned, counted.held_out, counted.skipped, counted.delivered, counted.openers,
        counted.machine_openers, counted.clickers, counted.converters, counted.bounced_hard,
        counted.bounced_soft, counted.dropped, counted.unsubscribed, counted.complained, counted.revenue
    ) < 0
