-- Show the revenue next to the counts: its sum if all of it is in one currency, null if it is in several.
-- grain: one row per (day, campaign, step, variant)
with changed as (
    select distinct
        kpi_revenue_delta.day,
        kpi_revenue_delta.campaign,
        kpi_revenue_delta.step,
        kpi_revenue_delta.variant
    from kpi_revenue_delta
),

summed as (
    select
        changed.day,
        changed.campaign,
        changed.step,
        changed.variant,
        case
            when count(revenue.currency) = 0 then 0
            when count(revenue.currency) = 1 then min(revenue.revenue)
        end as revenue,
        case when count(revenue.currency) = 1 then min(revenue.currency) end as currency
    from changed
    left join kpi.campaign_revenue_daily as revenue
        on
            changed.day = revenue.day
            and changed.campaign = revenue.campaign
            and changed.step = revenue.step
            and changed.variant = revenue.variant
    group by changed.day, changed.campaign, changed.step, changed.variant
)

insert into kpi.campaign_daily as known (day, campaign, step, variant, revenue, currency)
select
    summed.day,
    summed.campaign,
    summed.step,
    summed.variant,
    summed.revenue,
    summed.currency
from summed
on conflict (day, campaign, step, variant) do update
    set
        revenue = excluded.revenue,
        currency = excluded.currency
