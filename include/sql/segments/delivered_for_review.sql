-- segment: delivered_for_review
-- what: orders that came soft_days ago, or hard_days ago if something in the order is not of soft goods (delivered_at +
--   days ≤ as_of < delivered_at + days + lateness_days), and that the customer has not reviewed. Cancelled and refunded
--   orders and lines of quantity 0 do not count. A review of a product of the order since it was placed counts as one.
--   An order without a product that the catalogue names is left out.
-- grain: customer_id, occurrence (order id)
-- parameter: soft_days: integer, days of 24 hours, default 7, 0 to 90, time to try soft goods after delivery
-- parameter: hard_days: integer, days of 24 hours, default 21, 0 to 180, time to try all other goods after delivery
-- parameter: lateness_days: integer, days of 24 hours, default 7, 1 to 60, how long after that time it may be asked
-- look-back: orders of hard_days + lateness_days + 60 days: an order that travels for more than 60 days is left out
-- context: order_id, ordered_at, delivered_at, items: at most three of its products that the catalogue names, by value,
--   each with product_id, name, url and image_url; item_count (named products in all), goods_kind: soft or hard
with delivered as (
    select
        o.order_id,
        o.customer_id,
        o.ordered_at,
        o.delivered_at
    from source.orders as o
    inner join source.customer as c on o.customer_id = c.customer_id
    where
        o.status = 'placed'
        and o.ordered_at <= cast(:as_of as timestamptz)
        and o.ordered_at > cast(:as_of as timestamptz)
        - (cast(:hard_days as integer) + cast(:lateness_days as integer) + 60) * interval '24 hours'
        and o.delivered_at <= cast(:as_of as timestamptz)
        - least(cast(:soft_days as integer), cast(:hard_days as integer)) * interval '24 hours'
        and c.erased_at is null
),

bought as (
    select
        d.order_id,
        l.product_id,
        coalesce(p.goods_kind, 'hard') as goods_kind,
        p.name,
        p.url,
        p.image_url,
        sum(l.quantity * l.unit_price) as worth
    from delivered as d
    inner join source.order_line as l on d.order_id = l.order_id
    left join source.product as p on l.product_id = p.product_id
    where l.quantity > 0
    group by d.order_id, l.product_id, p.goods_kind, p.name, p.url, p.image_url
),

asked as (
    select
        b.order_id,
        case when bool_and(b.goods_kind = 'soft') then 'soft' else 'hard' end as goods_kind,
        count(b.name) as item_count,
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
    d.customer_id,
    d.order_id as occurrence,
    d.delivered_at as occurred_at,
    jsonb_build_object(
        'order_id', d.order_id,
        'ordered_at', d.ordered_at,
        'delivered_at', d.delivered_at,
        'items', a.items,
        'item_count', a.item_count,
        'goods_kind', a.goods_kind
    ) as context
from delivered as d
inner join asked as a on d.order_id = a.order_id
cross join
    lateral (
        select
            case a.goods_kind when 'soft' then cast(:soft_days as integer) else cast(:hard_days as integer) end
            * interval '24 hours' as wait
    ) as tried
where
    a.item_count > 0
    and d.delivered_at <= cast(:as_of as timestamptz) - tried.wait
    and d.delivered_at > cast(:as_of as timestamptz)
    - tried.wait - cast(:lateness_days as integer) * interval '24 hours'
    and not exists (
        select 1
        from source.review as r
        inner join bought as b on r.product_id = b.product_id
        where
            r.customer_id = d.customer_id
            and b.order_id = d.order_id
            and r.reviewed_at > d.ordered_at
            and r.reviewed_at <= cast(:as_of as timestamptz)
    )
