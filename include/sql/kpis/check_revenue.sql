-- The revenue holds every credited order once, and no order is credited to two mails.
-- grain: one row per offending currency
with credited as (
    select
        order_credit.currency,
        count(*) as orders,
        sum(order_credit.revenue) as revenue
    from kpi.order_credit
    group by order_credit.currency
),

shown as (
    select
        campaign_revenue_daily.currency,
        sum(campaign_revenue_daily.orders) as orders,
        sum(campaign_revenue_daily.revenue) as revenue
    from kpi.campaign_revenue_daily
    group by campaign_revenue_daily.currency
),

happened as (
    select
        event_revenue_daily.currency,
        sum(event_revenue_daily.orders) as orders,
        sum(event_revenue_daily.revenue) as revenue
    from kpi.event_revenue_daily
    group by event_revenue_daily.currency
)

select coalesce(credited.currency, shown.currency, happened.currency) as currency
from credited
full join shown on credited.currency = shown.currency
full join happened on coalesce(credited.currency, shown.currency) = happened.currency
where
    (credited.orders, credited.revenue) is distinct from (shown.orders, shown.revenue)
    or (credited.orders, credited.revenue) is distinct from (happened.orders, happened.revenue)
