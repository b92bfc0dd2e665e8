-- segment: upgrade_considered
-- what: customers who left a product that has a better model: it lies in their open cart, or they viewed it, its cart
--   changed, or it was viewed, idle_hours to within_hours ago, and they placed no order since. The better model is the
--   one that the shop declared (upgrade_product_id), else the next dearer product of the same type up to twice the
--   price, in the same currency. Both have a price above 0. Of several such products a carted one counts, then the one
--   touched last. Cancelled orders and lines of quantity 0 do not count.
-- grain: customer_id, occurrence (<product id>@<when it was touched>), one per customer
-- parameter: idle_hours: integer, hours, default 4, 1 to 72, time since the product was touched at least
-- parameter: within_hours: integer, hours, default 48, 2 to 336, time since it was touched at most
-- look-back: within_hours before as_of
-- context: product_id, name, url, image_url, price and currency of the product; better: the same of the better model;
--   difference (of the two prices), found_in: cart or view
with touched as (
    select
        k.customer_id,
        l.product_id,
        k.updated_at as touched_at,
        'cart' as found_in
    from source.cart as k
    inner join source.cart_line as l on k.cart_id = l.cart_id
    where
        k.status = 'open'
        and l.quantity > 0
        and k.updated_at <= cast(:as_of as timestamptz)
        and k.updated_at > cast(:as_of as timestamptz) - cast(:within_hours as integer) * interval '1 hour'
    union
    select
        v.customer_id,
        v.product_id,
        v.viewed_at as touched_at,
        'view' as found_in
    from source.page_view as v
    where
        v.product_id is not null
        and v.viewed_at <= cast(:as_of as timestamptz)
        and v.viewed_at > cast(:as_of as timestamptz) - cast(:within_hours as integer) * interval '1 hour'
),

considered as (
    select distinct on (t.customer_id)
        t.*,
        p.name,
        p.url,
        p.image_url,
        p.price,
        coalesce(p.currency, c.currency) as currency,
        better.product_id as better_id,
        better.name as better_name,
        better.url as better_url,
        better.image_url as better_image_url,
        better.price as better_price
    from touched as t
    inner join source.customer as c on t.customer_id = c.customer_id
    inner join source.product as p on t.product_id = p.product_id
    cross join
        lateral (
            select dearer.*
            from source.product as dearer
            where
                dearer.price > p.price
                and dearer.currency is not distinct from p.currency
                and (
                    dearer.product_id = p.upgrade_product_id
                    or (
                        p.upgrade_product_id is null
                        and dearer.product_type = p.product_type
                        and dearer.price <= 2 * p.price
                    )
                )
            order by dearer.price, dearer.product_id
            limit 1
        ) as better
    where c.erased_at is null and p.price > 0
    order by t.customer_id asc, t.found_in asc, t.touched_at desc, t.product_id asc
)

select
    s.customer_id,
    s.product_id || '@' || replace(
        to_char(s.touched_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
    ) as occurrence,
    s.touched_at as occurred_at,
    jsonb_build_object(
        'product_id', s.product_id,
        'name', s.name,
        'url', s.url,
        'image_url', s.image_url,
        'price', trim_scale(s.price),
        'currency', s.currency,
        'better', jsonb_build_object(
            'product_id', s.better_id,
            'name', s.better_name,
            'url', s.better_url,
            'image_url', s.better_image_url,
            'price', trim_scale(s.better_price)
        ),
        'difference', trim_scale(s.better_price - s.price),
        'found_in', s.found_in
    ) as context
from considered as s
where
    not exists (
        select 1 from touched as t
        where
            t.customer_id = s.customer_id
            and t.touched_at > cast(:as_of as timestamptz) - cast(:idle_hours as integer) * interval '1 hour'
    )
    and not exists (
        select 1 from source.orders as o
        where
            o.customer_id = s.customer_id
            and o.ordered_at > s.touched_at
            and o.ordered_at <= cast(:as_of as timestamptz)
            and o.status <> 'cancelled'
    )
