-- Store the new credits of these orders.
-- grain: one row per order
-- as_of timestamptz: `now` of the roll-up
insert into kpi.order_credit (
    order_id, customer_id, enrollment_id, step, campaign, variant, day, order_day, currency, revenue, is_delivered,
    model, reporting_revenue, as_of
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
    kpi_credit.is_delivered,
    kpi_credit.model,
    kpi_credit.reporting_revenue,
    cast(:as_of as timestamptz) as as_of
from kpi_credit
