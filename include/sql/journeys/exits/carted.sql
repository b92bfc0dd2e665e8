-- exit: carted
-- what: the customer put something into a cart: an open cart of theirs changed and has a line. Lines of quantity 0 do
--   not count. Only the latest change of a cart is stored.
-- grain: one row per cart: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the occurrence
select
    series.enrollment_id,
    'carted' as reason,
    cart.updated_at as exited_at
from series
inner join source.cart on series.customer_id = cart.customer_id and series.occurred_at < cart.updated_at
where
    cart.status = 'open'
    and exists (
        select 1 from source.cart_line
        where cart_line.cart_id = cart.cart_id and cart_line.quantity > 0
    )
