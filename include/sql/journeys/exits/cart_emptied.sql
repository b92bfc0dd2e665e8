-- exit: cart_emptied
-- what: the cart that the series is about was emptied. If the cart's newest row cannot be read, the cart may be
--   empty by now, and the reason is `cart_unreadable`.
-- grain: one row per emptied cart: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the occurrence, which is the cart's last change at enrollment
select
    series.enrollment_id,
    case cart.status when 'emptied' then 'cart_emptied' else 'cart_unreadable' end as reason,
    cart.updated_at as exited_at
from series
inner join source.cart on cart.cart_id = series.context ->> 'cart_id' and series.occurred_at <= cart.updated_at
where cart.status in ('emptied', 'unreadable')
