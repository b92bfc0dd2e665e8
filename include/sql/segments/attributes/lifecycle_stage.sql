-- attribute: lifecycle_stage
-- what: how far the customer has come with the shop. This file is its one definition; segment.stage_daily counts the
--   transitions
-- says: lifecycle stage is {}
-- type: text
-- values: subscriber, lead, first_time_buyer, repeat_buyer, at_risk, lapsed
-- absent: subscriber
-- formula: lapsed = the last order is 180 days ago or longer; at_risk = 90 days or longer; repeat_buyer = two or more
--   orders, the last within 90 days; first_time_buyer = one order, within 90 days; lead = no order, but a download, a
--   webinar or any other action but a subscription, or a registration; subscriber = all others. An order counts unless
--   it was cancelled, also if it was refunded. A registration counts as long as it is not cancelled
-- history: facts
-- changes: orders, lead_actions, registrations, time
-- grain: customer_id
-- look-back: all orders, lead actions and registrations up to as_of
with asked as (
    select l.customer_id
    from source.lead_action as l
    where l.acted_at <= cast(:as_of as timestamptz) and lower(l.kind) <> 'subscribe'
    union
    select r.customer_id
    from source.registration as r
    where
        r.registered_at <= cast(:as_of as timestamptz)
        and (r.status <> 'cancelled' or r.status_at > cast(:as_of as timestamptz))
),

known as (
    select
        o.customer_id,
        o.orders,
        o.last_order_at
    from segment.orders_at(cast(:as_of as timestamptz)) as o
    union all
    select
        a.customer_id,
        0 as orders,
        null as last_order_at
    from asked as a
)

select
    k.customer_id,
    case
        when sum(k.orders) = 0 then 'lead'
        when max(k.last_order_at) <= cast(:as_of as timestamptz) - interval '4320 hours' then 'lapsed'
        when max(k.last_order_at) <= cast(:as_of as timestamptz) - interval '2160 hours' then 'at_risk'
        when sum(k.orders) = 1 then 'first_time_buyer'
        else 'repeat_buyer'
    end as value
from known as k
group by k.customer_id
