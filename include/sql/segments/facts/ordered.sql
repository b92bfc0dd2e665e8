-- fact: ordered
-- what: an order that was not cancelled
-- says: bought {}
-- filters: product_id, product_type, category, total, currency
-- lines: source.order_line by order_id
-- history: facts
-- changes: orders, order_lines
-- grain: customer_id, fact_id
-- look-back: all orders up to as_of
select
    o.customer_id,
    o.order_id as fact_id,
    o.ordered_at as at,
    o.total,
    o.currency
from source.orders as o
where o.ordered_at <= cast(:as_of as timestamptz) and o.status <> 'cancelled'
