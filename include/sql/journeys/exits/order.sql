-- exit: order
-- what: the customer placed an order after the enrollment. For a series about a cart, an order after the cart's last
--   change counts, and so does an order that names the cart, also if a guest placed it, and a cart whose status says
--   that it was ordered. A cancelled order does not count. If the cart's newest row cannot be read, the cart may be
--   ordered by now, and the reason is `cart_unreadable`.
-- grain: one row per order or ordered cart: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the enrollment; for a series about a cart, since the cart's last change; for orders that name it,
--   since the cart was created
select
    series.enrollment_id,
    'order' as reason,
    orders.ordered_at as exited_at
from series
inner join source.orders
    on
        series.customer_id = orders.customer_id
        and orders.ordered_at
        > case when series.context ? 'cart_id' then series.occurred_at else series.enrolled_at end
where orders.status <> 'cancelled'
union all
select
    series.enrollment_id,
    'order' as reason,
    orders.ordered_at as exited_at
from series
inner join source.cart on cart.cart_id = series.context ->> 'cart_id'
inner join source.orders
    on cart.cart_id = orders.cart_id and source.is_since(orders.ordered_at, cart.created_at)
where orders.status <> 'cancelled'
union all
select
    series.enrollment_id,
    case cart.status when 'ordered' then 'order' else 'cart_unreadable' end as reason,
    cart.updated_at as exited_at
from series
inner join source.cart on cart.cart_id = series.context ->> 'cart_id' and series.occurred_at <= cart.updated_at
where cart.status in ('ordered', 'unreadable')
