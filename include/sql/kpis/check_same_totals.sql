-- The totals are the same, whether counted by the day of the mail or by the day on which facts happened.
-- grain: one row per offending (campaign, step, variant)
with total as (
    select
        daily.campaign,
        daily.step,
        daily.variant,
        sum(daily.each_fact) as each_fact
    from kpi.campaign_daily as daily
    group by daily.campaign, daily.step, daily.variant
),

happened as (
    select
        daily.campaign,
        daily.step,
        daily.variant,
        sum(daily.each_fact) as each_fact
    from kpi.event_daily as daily
    group by daily.campaign, daily.step, daily.variant
)

select
    coalesce(total.campaign, happened.campaign) as campaign,
    coalesce(total.step, happened.step) as step,
    coalesce(total.variant, happened.variant) as variant
from total
full join happened
    on
        total.campaign = happened.campaign
        and total.step = happened.step
        and total.variant = happened.variant
where
    total.campaign is null
    or happened.campaign is null
    or total.each_fact <> happened.each_fact
