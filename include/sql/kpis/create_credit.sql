-- Which mail each order of these customers is credited to: the last one accepted before it whose window holds it.
-- A cancelled order never counts; of a refunded one no revenue stays.
-- grain: one row an order
-- reporting_zone text: IANA zone of the days
create temporary table kpi_credit on commit drop as
with span as (
    select
        known.customer_id,
        min(known.accepted_at) as since,
        max(known.goal_until) as till
    from kpi_buyer
    inner join kpi.step_outcome as known
        on kpi_buyer.customer_id = known.customer_id and known.accepted_at is not null
    where known.takes_credit
    group by known.customer_id
)

select
    orders.order_id,
    orders.customer_id,
    mail.enrollment_id,
    mail.step,
    mail.campaign,
    mail.variant,
    mail.day,
    cast(orders.ordered_at at time zone cast(:reporting_zone as text) as date) as order_day,
    coalesce(orders.currency, 'XXX') as currency,
    orders.total as revenue
from span
inner join source.orders
    on
        span.customer_id = orders.customer_id
        and orders.ordered_at between span.since and span.till
        and orders.status = 'placed'
inner join lateral (
    select
        known.enrollment_id,
        known.step,
        known.campaign,
        known.variant,
        known.day
    from kpi.step_outcome as known
    where
        known.customer_id = orders.customer_id
        and known.accepted_at <= orders.ordered_at
        and known.goal_until >= orders.ordered_at
        and known.takes_credit
    order by known.accepted_at desc, known.enrollment_id desc, known.step desc
    limit 1
) as mail on true
