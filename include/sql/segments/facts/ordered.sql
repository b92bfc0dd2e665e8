-- fact: ordered
-- what: an order that was not cancelled. A refunded one is an order too, but it has no total, and its lines count
-- says: bought {}
-- counts: order, orders
-- filters: product_id, product_type, category, total, currency
-- lines: source.order_line by order_id
-- history: facts
-- changes: orders, order_lines, products
-- grain: customer_id, fact_id
-- look-back: all orders up to as_of
select
    o.customer_id,
    o.order_id as fact_id,
    o.ordered_at as at,
    case when o.status = 'placed' then o.total end as total,
    coalesce(o.currency, 'XXX') as currency
from source.orders as o
where o.ordered_at <= cast(:as_of as timestamptz) and o.status <> 'cancelled'
