-- The revenue holds every credited order once, in its currency and converted, by the day of the mail and by the day of
-- the order. No sum is negative, and no more orders are converted than there are.
-- grain: one row per offending currency
with credited as (
    select
        order_credit.currency,
        count(*) as orders,
        sum(order_credit.revenue) as revenue,
        coalesce(sum(order_credit.revenue) filter (where order_credit.is_delivered), 0) as delivered_revenue,
        count(order_credit.reporting_revenue) as reporting_orders,
        coalesce(sum(order_credit.reporting_revenue), 0) as reporting_revenue
    from kpi.order_credit
    group by order_credit.currency
),

shown as (
    select
        campaign_revenue_daily.currency,
        sum(campaign_revenue_daily.orders) as orders,
        sum(campaign_revenue_daily.revenue) as revenue,
        sum(campaign_revenue_daily.delivered_revenue) as delivered_revenue,
        sum(campaign_revenue_daily.reporting_orders) as reporting_orders,
        sum(campaign_revenue_daily.reporting_revenue) as reporting_revenue,
        bool_or(
            campaign_revenue_daily.revenue < 0
            or campaign_revenue_daily.reporting_revenue < 0
            or campaign_revenue_daily.reporting_orders not between 0 and campaign_revenue_daily.orders
        ) as is_impossible
    from kpi.campaign_revenue_daily
    group by campaign_revenue_daily.currency
),

happened as (
    select
        event_revenue_daily.currency,
        sum(event_revenue_daily.orders) as orders,
        sum(event_revenue_daily.revenue) as revenue,
        sum(event_revenue_daily.reporting_orders) as reporting_orders,
        sum(event_revenue_daily.reporting_revenue) as reporting_revenue
    from kpi.event_revenue_daily
    group by event_revenue_daily.currency
)

select coalesce(credited.currency, shown.currency, happened.currency) as currency
from credited
full join shown on credited.currency = shown.currency
full join happened on coalesce(credited.currency, shown.currency) = happened.currency
where
    (credited.orders, credited.revenue, credited.reporting_orders, credited.reporting_revenue)
    is distinct from (shown.orders, shown.revenue, shown.reporting_orders, shown.reporting_revenue)
    or credited.delivered_revenue <> shown.delivered_revenue
    or (credited.orders, credited.revenue, credited.reporting_orders, credited.reporting_revenue)
    is distinct from (happened.orders, happened.revenue, happened.reporting_orders, happened.reporting_revenue)
    or shown.is_impossible
