-- attribute: rfm_group
-- what: the customer's group by recency, frequency and money among the buyers of the last 365 days who are customers
--   at as_of: neither erased nor created later. Customers who never ordered have no group
-- says: RFM group is {}
-- type: text
-- values: champion, loyal, promising, new, needs_attention, cannot_lose, at_risk, hibernating, lost
-- formula: R, F and M are quintiles, 5 = best, of the last order, the number of orders and the sum of their totals in
--   365 days; ties go by customer_id. M is ranked among buyers with the same currency: the one of most of the
--   customer's orders. The first line that holds counts: champion = R, F and M of 4 or 5; cannot_lose = R 1, F and M of
--   4 or 5; loyal = R of 3 to 5, F of 4 or 5; at_risk = R of 1 or 2, F of 3 to 5; hibernating = R of 1 or 2; new = R of
--   4 or 5, one order; promising = R of 4 or 5; needs_attention = R 3; lost = ordered before, but not within 365 days.
--   An order counts unless it was cancelled; a refunded one brings no money
-- history: facts
-- changes: orders, customers, time, everyone
-- grain: customer_id
-- look-back: 365 days of 24 hours before as_of; for lost, all orders before
with per_currency as (
    select
        o.customer_id,
        coalesce(o.currency, 'XXX') as currency,
        max(o.ordered_at) as last_order_at,
        count(*) as orders,
        coalesce(sum(o.total) filter (where o.status = 'placed'), 0) as money
    from source.orders as o
    inner join source.customer on o.customer_id = customer.customer_id
    where
        customer.erased_at is null
        and customer.created_at <= cast(:as_of as timestamptz)
        and o.ordered_at > cast(:as_of as timestamptz) - interval '8760 hours'
        and o.ordered_at <= cast(:as_of as timestamptz)
        and o.status <> 'cancelled'
    group by o.customer_id, coalesce(o.currency, 'XXX')
),

buyer as (
    select distinct on (p.customer_id)
        p.customer_id,
        p.currency,
        p.money,
        max(p.last_order_at) over (partition by p.customer_id) as last_order_at,
        sum(p.orders) over (partition by p.customer_id) as orders
    from per_currency as p
    order by p.customer_id asc, p.orders desc, p.currency asc
),

ranked as (
    select
        b.customer_id,
        b.orders,
        ntile(5) over (order by b.last_order_at asc, b.customer_id asc) as r,
        ntile(5) over (order by b.orders asc, b.customer_id asc) as f,
        ntile(5) over (partition by b.currency order by b.money asc, b.customer_id asc) as m
    from buyer as b
)

select
    k.customer_id,
    case
        when k.r >= 4 and k.f >= 4 and k.m >= 4 then 'champion'
        when k.r = 1 and k.f >= 4 and k.m >= 4 then 'cannot_lose'
        when k.r >= 3 and k.f >= 4 then 'loyal'
        when k.r <= 2 and k.f >= 3 then 'at_risk'
        when k.r <= 2 then 'hibernating'
        when k.r >= 4 and k.orders = 1 then 'new'
        when k.r >= 4 then 'promising'
        else 'needs_attention'
    end as value
from ranked as k
union all
select
    o.customer_id,
    'lost' as value
from segment.orders_at(cast(:as_of as timestamptz)) as o
where o.last_order_at <= cast(:as_of as timestamptz) - interval '8760 hours'
