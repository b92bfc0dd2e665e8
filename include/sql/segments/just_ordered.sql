-- segment: just_ordered
-- what: the customer's newest order, if it was placed min_hours to max_hours ago
--   (as_of − max_hours < ordered_at ≤ as_of − min_hours). Cancelled and refunded orders do not count, nor does an order
--   without a product that the catalogue names.
-- grain: customer_id, occurrence (order id), one per customer
-- parameter: min_hours: integer, hours, default 3, 0 to 168, how long ago the order was placed at least
-- parameter: max_hours: integer, hours, default 24, 1 to 336, how long ago it was placed at most
-- look-back: max_hours; for order_number, all orders of these customers
-- context: order_id, ordered_at, order_number (1 = the customer's first), items: at most three of its products that the
--   catalogue names, by value, each with product_id, name, url and image_url; item_count (named products in all),
--   product_ids (all its products)
with newest as (
    select distinct on (o.customer_id)
        o.order_id,
        o.customer_id,
        o.ordered_at
    from source.orders as o
    inner join source.customer as c on o.customer_id = c.customer_id
    where
        o.status = 'placed'
        and o.ordered_at <= cast(:as_of as timestamptz)
        and o.ordered_at > cast(:as_of as timestamptz) - cast(:max_hours as integer) * interval '1 hour'
        and c.erased_at is null
    order by o.customer_id asc, o.ordered_at desc, o.order_id asc
),

bought as (
    select
        n.order_id,
        l.product_id,
        p.name,
        p.url,
        p.image_url,
        sum(l.quantity * l.unit_price) as worth
    from newest as n
    inner join source.order_line as l on n.order_id = l.order_id
    left join source.product as p on l.product_id = p.product_id
    where
        l.quantity > 0
        and n.ordered_at <= cast(:as_of as timestamptz) - cast(:min_hours as integer) * interval '1 hour'
    group by n.order_id, l.product_id, p.name, p.url, p.image_url
),

told as (
    select
        b.order_id,
        count(b.name) as item_count,
        jsonb_agg(b.product_id order by b.product_id) as product_ids,
        jsonb_path_query_array(
            jsonb_agg(
                jsonb_build_object(
                    'product_id', b.product_id, 'name', b.name, 'url', b.url, 'image_url', b.image_url
                )
                order by b.worth desc, b.product_id asc
            ) filter (where b.name is not null),
            '$[0 to 2]'
        ) as items
    from bought as b
    group by b.order_id
)

select
    n.customer_id,
    n.order_id as occurrence,
    n.ordered_at as occurred_at,
    jsonb_build_object(
        'order_id', n.order_id,
        'ordered_at', n.ordered_at,
        'order_number', (
            select count(*) from source.orders as o
            where o.customer_id = n.customer_id and o.ordered_at <= n.ordered_at and o.status = 'placed'
        ),
        'items', t.items,
        'item_count', t.item_count,
        'product_ids', t.product_ids
    ) as context
from newest as n
inner join told as t on n.order_id = t.order_id
where t.item_count > 0
