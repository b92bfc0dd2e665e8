-- Add the changes to the revenue by currency and the reporting day of the mail.
-- grain: one row per (day, campaign, step, variant, currency)
insert into kpi.campaign_revenue_daily as known (
    day, campaign, step, variant, currency, orders, revenue, delivered_revenue
)
select
    kpi_revenue_delta.day,
    kpi_revenue_delta.campaign,
    kpi_revenue_delta.step,
    kpi_revenue_delta.variant,
    kpi_revenue_delta.currency,
    sum(kpi_revenue_delta.orders) as orders,
    sum(kpi_revenue_delta.revenue) as revenue,
    sum(kpi_revenue_delta.delivered_revenue) as delivered_revenue
from kpi_revenue_delta
group by
    kpi_revenue_delta.day, kpi_revenue_delta.campaign, kpi_revenue_delta.step, kpi_revenue_delta.variant,
    kpi_revenue_delta.currency
on conflict (day, campaign, step, variant, currency) do update
    set
        orders = known.orders + excluded.orders,
        revenue = known.revenue + excluded.revenue,
        delivered_revenue = known.delivered_revenue + excluded.delivered_revenue
