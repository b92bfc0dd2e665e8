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
    inner join lateral (
        select stored.*
        from kpi.step_outcome as stored
        where
            stored.customer_id = kpi_buyer.customer_id
            and stored.accepted_at is not null
            and stored.takes_credit
        offset 0
    ) as known on true
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
inner join lateral (
    select placed.*
    from source.orders as placed
    where
        placed.customer_id = span.customer_id
        and placed.ordered_at between span.since and span.till
        and placed.status = 'placed'
    -- An index probe each, however many orders there are.
    offset 0
) as orders on true
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
