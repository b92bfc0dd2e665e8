-- segment: browse_abandoned
-- what: customers who looked at a product, or at products of one type, at least min_views times within within_hours, or
--   for more than min_seconds at once, and left: their newest page view is idle_hours old or older, no open cart of
--   theirs has a line, and they placed no order since the first of these views. Cancelled orders and lines of
--   quantity 0 do not count. Of several such types the one that was viewed last counts. A product without a type
--   stands for itself.
-- grain: customer_id, occurrence (<product type, or product id>@<newest view of it>), one per customer
-- parameter: idle_hours: integer, hours, default 4, 1 to 72, time since the newest page view at least
-- parameter: within_hours: integer, hours, default 48, 2 to 336, how far back views count
-- parameter: min_views: integer, views, default 2, 1 to 20, views of the product or type that show interest
-- parameter: min_seconds: integer, seconds, default 60, 0 to 3600, one view longer than this shows interest too
-- look-back: within_hours before as_of; for carts, all that are open
-- context: product_type (null if the product has none), product_id, name, url, image_url, price and currency of the
--   product that was viewed last (price null = not known), viewed_at, items: at most three of the viewed products,
--   the newest first, each with product_id, name, url, image_url, price and currency
with seen as (
    select
        v.customer_id,
        coalesce(p.product_type, p.product_id) as thing,
        p.product_type,
        p.product_id,
        count(*) as views,
        max(v.seconds_on_page) as longest,
        min(v.viewed_at) as first_at,
        max(v.viewed_at) as last_at,
        jsonb_build_object(
            'product_id', p.product_id,
            'name', p.name,
            'url', p.url,
            'image_url', p.image_url,
            'price', trim_scale(p.price),
            'currency', coalesce(p.currency, c.currency)
        ) as item
    from source.page_view as v
    inner join source.customer as c on v.customer_id = c.customer_id
    inner join source.product as p on v.product_id = p.product_id
    where
        v.viewed_at <= cast(:as_of as timestamptz)
        and v.viewed_at > cast(:as_of as timestamptz) - cast(:within_hours as integer) * interval '1 hour'
        and c.erased_at is null
    group by v.customer_id, p.product_id, c.currency
),

things as (
    select distinct on (s.customer_id)
        s.customer_id,
        s.thing,
        min(s.product_type) as product_type,
        min(s.first_at) as first_at,
        max(s.last_at) as last_at,
        jsonb_agg(s.item order by s.last_at desc, s.product_id asc) as items
    from seen as s
    group by s.customer_id, s.thing
    having
        sum(s.views) >= cast(:min_views as integer)
        or coalesce(max(s.longest), 0) > cast(:min_seconds as integer)
    order by s.customer_id asc, max(s.last_at) desc, s.thing asc
)

select
    t.customer_id,
    t.thing || '@' || replace(
        to_char(t.last_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
    ) as occurrence,
    t.last_at as occurred_at,
    (t.items -> 0) || jsonb_build_object(
        'product_type', t.product_type,
        'viewed_at', t.last_at,
        'items', jsonb_path_query_array(t.items, '$[0 to 2]')
    ) as context
from things as t
where
    not exists (
        select 1 from source.page_view as v
        where
            v.customer_id = t.customer_id
            and v.viewed_at <= cast(:as_of as timestamptz)
            and v.viewed_at > cast(:as_of as timestamptz) - cast(:idle_hours as integer) * interval '1 hour'
    )
    and not exists (
        select 1
        from source.cart as k
        inner join source.cart_line as l on k.cart_id = l.cart_id
        where
            k.customer_id = t.customer_id
            and k.status = 'open'
            and k.updated_at <= cast(:as_of as timestamptz)
            and l.quantity > 0
    )
    and not exists (
        select 1 from source.orders as o
        where
            o.customer_id = t.customer_id
            and o.ordered_at > t.first_at
            and o.ordered_at <= cast(:as_of as timestamptz)
            and o.status <> 'cancelled'
    )
