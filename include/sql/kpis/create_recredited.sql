-- Orders whose credit may change: those inside the window of a mail that takes credit differently than before, and
-- those that came with loads that are not rolled up yet. The table is dropped with the transaction.
-- grain: one row per order
-- load_ids bigint[]: loads not rolled up yet
-- look-back: the windows of these mails, and these loads
create temporary table kpi_recredited on commit drop as
with changed as (
    select
        fresh.customer_id as fresh_customer_id,
        fresh.accepted_at as fresh_since,
        fresh.goal_until as fresh_till,
        fresh.takes_credit as fresh_takes_credit,
        -- If the goal is an order and no order reached it, the window holds no order that could be credited.
        fresh.accepted_converted_day is null and campaign.goal_event = 'order' as is_without_orders,
        known.customer_id as known_customer_id,
        known.accepted_at as known_since,
        known.goal_until as known_till,
        known.takes_credit as known_takes_credit
    from kpi_outcome as fresh
    left join journey.campaign on fresh.campaign = campaign.campaign
    left join kpi.step_outcome as known
        on fresh.enrollment_id = known.enrollment_id and fresh.step = known.step
    where
        (fresh.takes_credit or coalesce(known.takes_credit, false))
        and (fresh.takes_credit, fresh.accepted_at, fresh.goal_until, fresh.day, fresh.variant, fresh.outcome)
        is distinct from
        (known.takes_credit, known.accepted_at, known.goal_until, known.day, known.variant, known.outcome)
),

span as (
    select
        changed.fresh_customer_id as customer_id,
        changed.fresh_since as since,
        changed.fresh_till as till
    from changed
    where changed.fresh_takes_credit and not changed.is_without_orders
    union
    select
        changed.known_customer_id as customer_id,
        changed.known_since as since,
        changed.known_till as till
    from changed
    where changed.known_takes_credit
)

select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at
from span
inner join source.orders
    on span.customer_id = orders.customer_id and orders.ordered_at between span.since and span.till
union
select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at
from source.orders
where orders.load_id = any(cast(:load_ids as bigint[]))
