-- Store the new credits of these orders.
-- grain: one row per order
insert into kpi.order_credit (
    order_id, customer_id, enrollment_id, step, campaign, variant, day, order_day, currency, revenue,
    is_delivered
)
select
    kpi_credit.order_id,
    kpi_credit.customer_id,
    kpi_credit.enrollment_id,
    kpi_credit.step,
    kpi_credit.campaign,
    kpi_credit.variant,
    kpi_credit.day,
    kpi_credit.order_day,
    kpi_credit.currency,
    kpi_credit.revenue,
    kpi_credit.is_delivered
from kpi_credit
