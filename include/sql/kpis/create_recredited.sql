-- Orders whose credit may change: those inside the window of a mail that takes credit otherwise than before, and
-- those that came with loads not rolled up yet; gone with the transaction. However long the history is, orders
-- outside these windows are not looked at.
-- grain: one row an order
create temporary table kpi_recredited on commit drop as
with changed as (
    select
        fresh.customer_id as fresh_customer_id,
        fresh.accepted_at as fresh_since,
        fresh.goal_until as fresh_till,
        fresh.takes_credit as fresh_takes_credit,
        -- Where the goal is an order and none reached it, the window holds none that could be credited.
        fresh.converted_day is null and campaign.goal_event = 'order' as is_without_orders,
        known.customer_id as known_customer_id,
        known.accepted_at as known_since,
        known.goal_until as known_till,
        known.takes_credit as known_takes_credit
    from kpi_outcome as fresh
    left join journey.campaign on fresh.campaign = campaign.campaign
    left join lateral (
        select stored.*
        from kpi.step_outcome as stored
        where stored.enrollment_id = fresh.enrollment_id and stored.step = fresh.step
        -- Here and below: an index probe each, however long the history is.
        offset 0
    ) as known on true
    where
        (fresh.takes_credit or coalesce(known.takes_credit, false))
        and (fresh.takes_credit, fresh.accepted_at, fresh.goal_until, fresh.day, fresh.variant)
        is distinct from (known.takes_credit, known.accepted_at, known.goal_until, known.day, known.variant)
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

select inside.order_id
from span
inner join lateral (
    select orders.order_id
    from source.orders
    where orders.customer_id = span.customer_id and orders.ordered_at between span.since and span.till
    offset 0
) as inside on true
union
select loaded.order_id
from source.load
inner join lateral (
    select orders.order_id
    from source.orders
    where orders.load_id = load.load_id
    offset 0
) as loaded on true
where
    not exists (select 1 from kpi.rolled_load where rolled_load.load_id = load.load_id)
    and exists (select 1 from kpi.step_outcome where step_outcome.accepted_at is not null)
