-- Customers who ordered up to the cut-off and again in the days that were held back, with their products: whether one
-- was in their last order before the cut-off, whether they had it before, and whether they bought it in the held-back
-- days. The table is dropped with the transaction.
-- grain: customer_id, product_id
-- cut_off, as_of timestamptz: the days between are held back; look_back_days of orders before the cut-off
-- look-back: look_back_days for the last order; 365 days for what they had
create temporary table judged_product on commit drop as
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
    line.product_id,
    bool_or(line.order_id = last_order.order_id) as is_last,
    bool_or(line.ordered_at <= cast(:cut_off as timestamptz)) as was_had,
    bool_or(line.ordered_at > cast(:cut_off as timestamptz)) as is_bought
from line
inner join last_order on line.customer_id = last_order.customer_id
where
    line.customer_id in (
        select buyer.customer_id
        from line as buyer
        where buyer.ordered_at > cast(:cut_off as timestamptz)
    )
group by line.customer_id, line.product_id
