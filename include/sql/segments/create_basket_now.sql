-- What counts of the touched orders at as_of: their products, each once, in the order of their keys. A cancelled order
-- does not count, nor a line of quantity 0, nor an order with more products than most_products: it says little of what
-- goes together, and its pairs grow with the square. The table is dropped with the transaction.
-- grain: order_id
-- as_of timestamptz; look_back_days of orders before it; most_products of an order
-- look-back: look_back_days
create temporary table basket_now on commit drop as
select
    orders.order_id,
    orders.ordered_at,
    array_agg(distinct order_line.product_id collate "C") as product_ids
from touched_order
inner join source.orders on touched_order.order_id = orders.order_id
inner join source.order_line on orders.order_id = order_line.order_id
where
    orders.status <> 'cancelled'
    and orders.ordered_at <= cast(:as_of as timestamptz)
    and orders.ordered_at > cast(:as_of as timestamptz) - cast(:look_back_days as integer) * interval '24 hours'
    and order_line.quantity > 0
group by orders.order_id, orders.ordered_at
having count(distinct order_line.product_id) <= cast(:most_products as integer)
