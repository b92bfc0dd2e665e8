-- Customers' facts that came with loads not rolled up yet and may reach a goal; gone with the transaction.
-- Each load is looked up by index (offset 0), however much was loaded before.
-- grain: one row a customer and moment
-- look-back: loads that are not finished and rolled up
create temporary table kpi_fact on commit drop as
with fresh as (
    select load.load_id
    from source.load
    where
        not exists (select 1 from kpi.rolled_load where rolled_load.load_id = load.load_id)
        and exists (select 1 from kpi.step_outcome where step_outcome.accepted_at is not null)
),

goal as (
    select distinct campaign.goal_event
    from journey.campaign
)

select
    orders.customer_id,
    orders.ordered_at as happened_at
from fresh
inner join lateral (
    select orders.*
    from source.orders
    where orders.load_id = fresh.load_id
    offset 0
) as orders on true
union
select
    page_view.customer_id,
    page_view.viewed_at as happened_at
from fresh
inner join lateral (
    select page_view.*
    from source.page_view
    where page_view.load_id = fresh.load_id
    offset 0
) as page_view on true
where exists (select 1 from goal where goal.goal_event = 'page_view')
union
select
    review.customer_id,
    review.reviewed_at as happened_at
from fresh
inner join lateral (
    select review.*
    from source.review
    where review.load_id = fresh.load_id
    offset 0
) as review on true
where exists (select 1 from goal where goal.goal_event = 'review')
union
select
    offer.customer_id,
    offer.redeemed_at as happened_at
from fresh
inner join lateral (
    select offer.*
    from source.offer
    where offer.load_id = fresh.load_id
    offset 0
) as offer on true
where
    exists (select 1 from goal where goal.goal_event = 'offer_used')
    and offer.customer_id is not null
union
-- An order that was credited and has changed hands: its former customer.
select
    order_credit.customer_id,
    orders.ordered_at as happened_at
from fresh
inner join lateral (
    select orders.*
    from source.orders
    where orders.load_id = fresh.load_id
    offset 0
) as orders on true
inner join lateral (
    select credit.customer_id
    from kpi.order_credit as credit
    where credit.order_id = orders.order_id
    offset 0
) as order_credit on true
