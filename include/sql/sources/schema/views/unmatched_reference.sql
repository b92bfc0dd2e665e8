-- Keys that loaded rows name and no feed has brought: their rows count once a load brings them. A value that may be
-- missing is listed only if its feed has brought anything. Reads the whole tables.
create or replace view source.unmatched_reference as
with known as (
    select
        'customers' as refers_to,
        customer.customer_id as key
    from source.customer
    union all
    select
        'products' as refers_to,
        product.product_id as key
    from source.product
    union all
    select
        'orders' as refers_to,
        orders.order_id as key
    from source.orders
    union all
    select
        'carts' as refers_to,
        cart.cart_id as key
    from source.cart
    union all
    select
        'offers' as refers_to,
        offer.offer_code as key
    from source.offer
),

named as (
    select
        'orders' as feed,
        said.*
    from source.orders
    cross join
        lateral (
            values
            ('customers', orders.customer_id, false),
            ('carts', orders.cart_id, true),
            ('offers', orders.offer_code, true)
        ) as said (refers_to, key, is_optional)
    union all
    select
        'order_lines' as feed,
        said.*
    from source.order_line
    cross join
        lateral (
            values
            ('orders', order_line.order_id, false),
            ('products', order_line.product_id, false)
        ) as said (refers_to, key, is_optional)
    union all
    select
        'carts' as feed,
        said.*
    from source.cart
    cross join
        lateral (values ('customers', cart.customer_id, false)) as said (refers_to, key, is_optional)
    union all
    select
        'cart_lines' as feed,
        said.*
    from source.cart_line
    cross join
        lateral (
            values
            ('carts', cart_line.cart_id, false),
            ('products', cart_line.product_id, false)
        ) as said (refers_to, key, is_optional)
    union all
    select
        'page_views' as feed,
        said.*
    from source.page_view
    cross join
        lateral (
            values
            ('customers', page_view.customer_id, false),
            ('products', page_view.product_id, true)
        ) as said (refers_to, key, is_optional)
    union all
    select
        'lead_actions' as feed,
        said.*
    from source.lead_action
    cross join
        lateral (values ('customers', lead_action.customer_id, false)) as said (refers_to, key, is_optional)
    union all
    select
        'reviews' as feed,
        said.*
    from source.review
    cross join
        lateral (
            values
            ('customers', review.customer_id, false),
            ('products', review.product_id, false),
            ('orders', review.order_id, true)
        ) as said (refers_to, key, is_optional)
    union all
    select
        'offers' as feed,
        said.*
    from source.offer
    cross join
        lateral (values ('customers', offer.customer_id, true)) as said (refers_to, key, is_optional)
)

select
    named.feed,
    named.refers_to,
    named.key,
    count(*) as rows
from named
where
    named.key is not null
    and not exists (select 1 from known where known.refers_to = named.refers_to and known.key = named.key)
    and (not named.is_optional or named.refers_to in (select known.refers_to from known))
group by named.feed, named.refers_to, named.key;

comment on view source.unmatched_reference is
'Keys that loaded rows name and no feed has brought, one row per feed, feed of what is named, and key. The rows are '
'kept, and count once a load brings what they name.';
comment on column source.unmatched_reference.feed is 'Feed of the rows.';
comment on column source.unmatched_reference.refers_to is 'Feed that would bring what they name.';
comment on column source.unmatched_reference.key is 'Key that they name.';
comment on column source.unmatched_reference.rows is 'Rows that name it.';
