-- Customers' facts that came with loads that are not rolled up yet, and that may reach a goal; and the same facts as
-- they were before, if they had another customer or another time. The table is dropped with the transaction.
-- grain: one row per customer and moment
-- load_ids bigint[]: the loads
-- look-back: these loads, and what changed since the last roll-up
create temporary table kpi_arrived on commit drop as
with goal as (
    select campaign.goal_event
    from journey.campaign
    union
    select epoch.goal_event
    from journey.epoch
)

select
    orders.customer_id,
    orders.ordered_at as happened_at
from source.orders
where orders.load_id = any(cast(:load_ids as bigint[]))
union
select
    page_view.customer_id,
    page_view.viewed_at as happened_at
from source.page_view
where
    page_view.load_id = any(cast(:load_ids as bigint[]))
    and exists (select 1 from goal where goal.goal_event in ('page_view', 'activity'))
union
select
    review.customer_id,
    review.reviewed_at as happened_at
from source.review
where
    review.load_id = any(cast(:load_ids as bigint[]))
    and exists (select 1 from goal where goal.goal_event in ('review', 'activity'))
union
select
    offer.customer_id,
    offer.redeemed_at as happened_at
from source.offer
where
    offer.load_id = any(cast(:load_ids as bigint[]))
    and exists (select 1 from goal where goal.goal_event = 'offer_used')
    and offer.customer_id is not null
union
select
    orders.customer_id,
    orders.ordered_at as happened_at
from source.order_line
inner join source.orders on order_line.order_id = orders.order_id
where
    order_line.load_id = any(cast(:load_ids as bigint[]))
    and exists (select 1 from goal where goal.goal_event = 'reordered')
union
-- The code may have been given to another customer than the one who ordered.
select
    offer_code.customer_id,
    orders.ordered_at as happened_at
from source.orders
inner join message.offer_code on upper(btrim(orders.offer_code)) = upper(offer_code.code) and not offer_code.is_shared
where
    orders.load_id = any(cast(:load_ids as bigint[]))
    and exists (select 1 from goal where goal.goal_event = 'offer_used')
union
select
    referral.customer_id,
    referral.ordered_at as happened_at
from source.referral
where
    referral.load_id = any(cast(:load_ids as bigint[]))
    and exists (select 1 from goal where goal.goal_event = 'referred')
union
select
    registration.customer_id,
    registration.registered_at as happened_at
from source.registration
where
    registration.load_id = any(cast(:load_ids as bigint[]))
    and exists (select 1 from goal where goal.goal_event = 'registered')
union
-- What facts were before: whose they were, and when they had happened.
select
    moved_fact.customer_id,
    moved_fact.happened_at
from kpi.moved_fact
