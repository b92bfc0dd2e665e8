-- What changes in the revenue: the new credits of these orders less their stored ones.
-- grain: one row a (day, order_day, campaign, step, variant, currency)
create temporary table kpi_revenue_delta on commit drop as
select
    signed.day,
    signed.order_day,
    signed.campaign,
    signed.step,
    signed.variant,
    signed.currency,
    sum(signed.sign) as orders,
    sum(signed.sign * signed.revenue) as revenue
from (
    select
        1 as sign,
        kpi_credit.*
    from kpi_credit
    union all
    select
        -1 as sign,
        known.*
    from kpi_recredited
    inner join lateral (
        select stored.*
        from kpi.order_credit as stored
        where stored.order_id = kpi_recredited.order_id
        offset 0
    ) as known on true
) as signed
group by
    signed.day, signed.order_day, signed.campaign, signed.step, signed.variant, signed.currency
having sum(signed.sign) <> 0 or sum(signed.sign * signed.revenue) <> 0
