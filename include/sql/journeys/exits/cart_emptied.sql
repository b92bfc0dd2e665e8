-- exit: cart_emptied
-- what: the cart that the series is about was emptied.
-- grain: one row per emptied cart: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the occurrence, which is the cart's last change at enrollment
select
    series.enrollment_id,
    'cart_emptied' as reason,
    cart.updated_at as exited_at
from series
inner join source.cart on cart.cart_id = series.context ->> 'cart_id' and series.occurred_at <= cart.updated_at
where cart.status = 'emptied'
