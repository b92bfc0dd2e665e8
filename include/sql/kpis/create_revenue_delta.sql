-- The changes of the revenue: the new credits of these orders less their stored ones. The table is dropped with the
-- transaction.
-- grain: one row per (day, order_day, campaign, step, variant, currency)
create temporary table kpi_revenue_delta on commit drop as
select
    signed.day,
    signed.order_day,
    signed.campaign,
    signed.step,
    signed.variant,
    signed.currency,
    sum(signed.sign) as orders,
    sum(signed.sign * signed.revenue) as revenue,
    coalesce(sum(signed.sign * signed.revenue) filter (where signed.is_delivered), 0) as delivered_revenue,
    count(signed.reporting_revenue) filter (where signed.sign = 1)
    - count(signed.reporting_revenue) filter (where signed.sign = -1) as reporting_orders,
    coalesce(sum(signed.sign * signed.reporting_revenue), 0) as reporting_revenue,
    coalesce(sum(signed.sign * signed.reporting_revenue) filter (where signed.is_delivered), 0)
        as delivered_reporting_revenue
from (
    select
        fresh.day,
        fresh.order_day,
        fresh.campaign,
        fresh.step,
        fresh.variant,
        fresh.currency,
        fresh.revenue,
        fresh.is_delivered,
        fresh.reporting_revenue,
        1 as sign
    from kpi_credit as fresh
    union all
    select
        stored.day,
        stored.order_day,
        stored.campaign,
        stored.step,
        stored.variant,
        stored.currency,
        stored.revenue,
        stored.is_delivered,
        stored.reporting_revenue,
        -1 as sign
    from kpi_recredited
    inner join kpi.order_credit as stored on kpi_recredited.order_id = stored.order_id
) as signed
group by
    signed.day, signed.order_day, signed.campaign, signed.step, signed.variant, signed.currency
having
    sum(signed.sign) <> 0
    or sum(signed.sign * signed.revenue) <> 0
    or sum(signed.sign * signed.revenue) filter (where signed.is_delivered) <> 0
    or count(signed.reporting_revenue) filter (where signed.sign = 1)
    <> count(signed.reporting_revenue) filter (where signed.sign = -1)
    or sum(signed.sign * signed.reporting_revenue) <> 0
    or sum(signed.sign * signed.reporting_revenue) filter (where signed.is_delivered) <> 0
