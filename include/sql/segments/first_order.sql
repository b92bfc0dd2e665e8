-- segment: first_order
-- what: customers whose first order was placed in the last max_age_days. A cancelled order does not count. Whose
--   first order was refunded is no member, nor by the next one.
-- grain: customer_id, occurrence (the order)
-- parameter: max_age_days: integer, days of 24 hours, default 3, 1 to 30, time since the order at most
-- look-back: all orders up to as_of
-- context: order_id, ordered_at, item_count (lines in all), items: the ten lines of highest value, each with
--   product_id, name (null if the catalogue does not have the product), quantity, unit_price, total, currency, url and
--   image_url; product_id, product_name and product_type of the first of them
-- moves: order_id, product_id
with first_order as (
    select
        o.customer_id,
        o.order_id,
        o.ordered_at,
        coalesce(o.currency, c.currency) as currency
    from source.orders as o
    inner join source.customer as c on o.customer_id = c.customer_id
    where
        o.status = 'placed'
        and o.ordered_at <= cast(:as_of as timestamptz)
        and o.ordered_at > cast(:as_of as timestamptz) - cast(:max_age_days as integer) * interval '24 hours'
        and c.erased_at is null
        and not exists (
            select 1
            from source.orders as earlier
            where
                earlier.customer_id = o.customer_id
                and earlier.status <> 'cancelled'
                and earlier.ordered_at <= cast(:as_of as timestamptz)
                and (earlier.ordered_at, earlier.order_id) < (o.ordered_at, o.order_id)
        )
),

lines as (
    select
        f.order_id,
        l.product_id,
        p.name,
        p.product_type,
        row_number() over (
            partition by f.order_id order by l.quantity * l.unit_price desc, l.product_id asc, l.line_no asc
        ) as place,
        jsonb_build_object(
            'product_id', l.product_id,
            'name', p.name,
            'quantity', trim_scale(l.quantity),
            'unit_price', trim_scale(l.unit_price),
            'total', trim_scale(round(l.quantity * l.unit_price, segment.currency_digits(f.currency))),
            'currency', f.currency,
            'url', p.url,
            'image_url', p.image_url
        ) as item
    from first_order as f
    inner join source.order_line as l on f.order_id = l.order_id
    left join source.product as p on l.product_id = p.product_id
    where l.quantity > 0
),

ordered as (
    select
        l.order_id,
        count(*) as item_count,
        jsonb_agg(l.item order by l.place) filter (where l.place <= 10) as items,
        min(l.product_id) filter (where l.place = 1) as product_id,
        min(l.name) filter (where l.place = 1) as product_name,
        min(l.product_type) filter (where l.place = 1) as product_type
    from lines as l
    group by l.order_id
)

select
    f.customer_id,
    f.order_id as occurrence,
    f.ordered_at as occurred_at,
    jsonb_build_object(
        'order_id', f.order_id,
        'ordered_at', replace(
            to_char(f.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        ),
        'item_count', o.item_count,
        'items', o.items,
        'product_id', o.product_id,
        'product_name', o.product_name,
        'product_type', o.product_type
    ) as context
from first_order as f
inner join ordered as o on f.order_id = o.order_id
