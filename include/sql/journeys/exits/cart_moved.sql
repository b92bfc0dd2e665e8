-- exit: cart_moved
-- what: the cart that the series is about belongs to another customer now, as after a login. The cart is then that
--   customer's to be reminded of, and no one else's.
-- grain: one row per moved cart: enrollment_id, reason, exited_at
-- reads: series
-- applies: always
-- look-back: none
select
    series.enrollment_id,
    'cart_moved' as reason,
    cart.updated_at as exited_at
from series
inner join source.cart on cart.cart_id = series.context ->> 'cart_id' and series.customer_id <> cart.customer_id
