-- Orders that name a cart, and that may count for its series differently than before: they came with these loads, or a
-- step of a series about the cart is looked at. The table is dropped with the transaction.
-- grain: one row per order
-- load_ids bigint[]: the loads
-- look-back: these loads, and the series that are looked at
create temporary table kpi_named on commit drop as
with looked_at as (
    select kpi_touched.enrollment_id
    from kpi_touched
    union
    select kpi_changed.enrollment_id
    from kpi_changed
)

select orders.order_id
from source.orders
where orders.load_id = any(cast(:load_ids as bigint[])) and orders.cart_id is not null
union
select cart_order.order_id
from source.orders
inner join kpi.cart_order on orders.order_id = cart_order.order_id
where orders.load_id = any(cast(:load_ids as bigint[]))
union
select orders.order_id
from looked_at
inner join lateral (
    select
        series_about.thing,
        series_about.enrolled_at
    from journey.series_about
    where series_about.enrollment_id = looked_at.enrollment_id and series_about.is_cart
    -- Keeps this an index probe per series: a join would read all series that are about something.
    offset 0
) as about on true
inner join source.orders on about.thing = orders.cart_id and about.enrolled_at <= orders.ordered_at
