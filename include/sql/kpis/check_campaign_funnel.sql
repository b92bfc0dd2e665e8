-- No count is impossible: none is negative, and none is more than the count that it is a part of.
-- grain: one row per offending (table, day, campaign, step, variant)
with counted as (
    select
        'campaign_daily' as counts,
        daily.day,
        daily.campaign,
        daily.step,
        daily.variant,
        daily.each_fact
    from kpi.campaign_daily as daily
    union all
    -- Counts by the day on which facts happened can be compared only over all days together.
    select
        'event_daily' as counts,
        min(daily.day) as day,
        daily.campaign,
        daily.step,
        daily.variant,
        sum(daily.each_fact) as each_fact
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
    counted.delivered + counted.pending + counted.bounced_hard + counted.bounced_soft + counted.dropped
    <> counted.accepted
    or counted.accepted_converters > counted.delivered + counted.pending
    or counted.each_fact < 0
    or counted.each_fact > counted.each_whole
