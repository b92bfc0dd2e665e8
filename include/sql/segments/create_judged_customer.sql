-- Customers who ordered up to the cut-off and again in the days that were held back, with the products of their last
-- order before it, with all that they had before it, and with what they bought in the held-back days. Dropped with the
-- transaction.
-- grain: customer_id
-- cut_off, as_of timestamptz: the days between are held back; look_back_days of orders before the cut-off
-- look-back: look_back_days for the last order; 365 days for what they had
create temporary table judged_customer on commit drop as
with line as (
    select
        orders.customer_id,
        orders.order_id,
        orders.ordered_at,
        order_line.product_id
    from source.orders
    inner join source.order_line on orders.order_id = order_line.order_id
    where
        orders.status <> 'cancelled'
        and orders.ordered_at <= cast(:as_of as timestamptz)
        and orders.ordered_at > cast(:cut_off as timestamptz) - interval '365 days'
        and order_line.quantity > 0
),

last_order as (
    select distinct on (line.customer_id)
        line.customer_id,
        line.order_id
    from line
    where
        line.ordered_at <= cast(:cut_off as timestamptz)
        and line.ordered_at
        > cast(:cut_off as timestamptz) - cast(:look_back_days as integer) * interval '24 hours'
    order by line.customer_id asc, line.ordered_at desc, line.order_id desc
)

select
    line.customer_id,
    array_agg(distinct line.product_id) filter (where line.order_id = last_order.order_id) as last_products,
    array_agg(distinct line.product_id) filter (where line.ordered_at <= cast(:cut_off as timestamptz)) as had,
    array_agg(distinct line.product_id) filter (where line.ordered_at > cast(:cut_off as timestamptz)) as bought
from line
inner join last_order on line.customer_id = last_order.customer_id
group by line.customer_id
having bool_or(line.ordered_at > cast(:cut_off as timestamptz))
