-- What: mark stored open carts whose last row in the file could not be read. They may be ordered or emptied by now.
-- They are not mailed until a row that can be read says what they are.
-- Grain: one row per cart.
-- Parameters: load_id bigint. Look-back: none.
with last_unread as (
    select
        unread_cart.cart_id,
        max(unread_cart.line) as line
    from unread_cart
    group by unread_cart.cart_id
),

unread as (
    select last_unread.cart_id
    from last_unread
    left join staged on last_unread.cart_id = staged.cart_id and last_unread.line < staged.line
    where staged.cart_id is null
)

update source.cart
set
    status = 'unreadable',
    load_id = cast(:load_id as bigint)
from unread
where cart.cart_id = unread.cart_id and cart.status = 'open'
