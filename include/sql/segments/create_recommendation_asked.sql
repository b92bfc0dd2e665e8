-- The mails that ask for recommendations, with what their customers have already.
-- bought: what the customer bought in the last 365 days; in_cart: what lies in their open carts
-- grain: mail
-- asked jsonb: [{mail, customer_id, product_ids, product_types, categories}], what the mail is about; as_of timestamptz
-- look-back: orders of 365 days, open carts
create temporary table recommendation_asked on commit drop as
select
    given.mail,
    given.customer_id,
    given.product_ids,
    given.product_types,
    given.categories,
    array(
        select distinct order_line.product_id
        from source.orders
        inner join source.order_line on orders.order_id = order_line.order_id
        where
            orders.customer_id = given.customer_id
            and orders.ordered_at <= cast(:as_of as timestamptz)
            and orders.ordered_at > cast(:as_of as timestamptz) - interval '365 days'
            and orders.status <> 'cancelled'
            and order_line.quantity > 0
    ) as bought,
    array(
        select distinct cart_line.product_id
        from source.cart
        inner join source.cart_line on cart.cart_id = cart_line.cart_id
        where
            cart.customer_id = given.customer_id
            and cart.status = 'open'
            and cart.updated_at <= cast(:as_of as timestamptz)
            and cart_line.quantity > 0
    ) as in_cart
from jsonb_to_recordset(cast(:asked as jsonb))
    as given (mail integer, customer_id text, product_ids text[], product_types text[], categories text[])
