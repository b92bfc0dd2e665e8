-- Customers' facts that came with loads not rolled up yet and may reach a goal; gone with the transaction.
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
inner join source.orders on fresh.load_id = orders.load_id
union
select
    page_view.customer_id,
    page_view.viewed_at as happened_at
from fresh
inner join source.page_view on fresh.load_id = page_view.load_id
where exists (select 1 from goal where goal.goal_event = 'page_view')
union
select
    review.customer_id,
    review.reviewed_at as happened_at
from fresh
inner join source.review on fresh.load_id = review.load_id
where exists (select 1 from goal where goal.goal_event = 'review')
union
select
    offer.customer_id,
    offer.redeemed_at as happened_at
from fresh
inner join source.offer on fresh.load_id = offer.load_id
where
    exists (select 1 from goal where goal.goal_event = 'offer_used')
    and offer.customer_id is not null
union
-- An order that was credited and has changed hands: its former customer.
select
    order_credit.customer_id,
    orders.ordered_at as happened_at
from fresh
inner join source.orders on fresh.load_id = orders.load_id
inner join kpi.order_credit on orders.order_id = order_credit.order_id
