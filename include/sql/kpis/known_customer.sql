-- What is known of a customer to whom nothing happened: the sign-up, or facts of an id that no customers feed has
-- brought.
-- grain: one row if the customer is loaded; else one row per feed whose rows name the id
-- customer_id text
-- look-back: everything
with named as (
    select
        'orders' as feed,
        orders.ordered_at as named_at
    from source.orders
    where orders.customer_id = cast(:customer_id as text)
    union all
    select
        'carts' as feed,
        cart.updated_at as named_at
    from source.cart
    where cart.customer_id = cast(:customer_id as text)
    union all
    select
        'page_views' as feed,
        page_view.viewed_at as named_at
    from source.page_view
    where page_view.customer_id = cast(:customer_id as text)
)

select
    customer.created_at as happened_at,
    null as campaign,
    null as step,
    'signed up' as what,
    'permission ' || customer.permission as why,
    0 as place
from source.customer
where customer.customer_id = cast(:customer_id as text)
union all
select
    max(named.named_at) as happened_at,
    null as campaign,
    null as step,
    'named by ' || named.feed as what,
    count(*) || ' row(s), but no customers feed has brought this customer' as why,
    0 as place
from named
where not exists (select 1 from source.customer where customer.customer_id = cast(:customer_id as text))
group by named.feed
