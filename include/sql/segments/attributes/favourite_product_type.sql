-- attribute: favourite_product_type
-- what: the type of product that the customer buys most in a year. Lines of quantity 0, cancelled and refunded orders
--   do not count
-- says: buys mostly {}
-- type: text
-- unit: product type as the feed writes it
-- formula: the product type of most order lines in the last 365 days; then the one bought last; then the first by name
-- history: facts
-- changes: orders, order_lines, products, time
-- grain: customer_id
-- look-back: 365 days of 24 hours before as_of; what type a product is, is only known as of today
with bought as (
    select
        o.customer_id,
        p.product_type,
        count(*) as lines,
        max(o.ordered_at) as last_order_at
    from source.orders as o
    inner join source.order_line as l on o.order_id = l.order_id
    inner join source.product as p on l.product_id = p.product_id
    where
        o.ordered_at > cast(:as_of as timestamptz) - interval '8760 hours'
        and o.ordered_at <= cast(:as_of as timestamptz)
        and o.status = 'placed'
        and l.quantity > 0
        and p.product_type is not null
    group by o.customer_id, p.product_type
)

select distinct on (b.customer_id)
    b.customer_id,
    b.product_type as value
from bought as b
order by b.customer_id asc, b.lines desc, b.last_order_at desc, b.product_type asc
