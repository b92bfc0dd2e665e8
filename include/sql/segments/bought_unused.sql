-- segment: bought_unused
-- what: customers who bought a product at least `days` ago and have not used it since, of the products whose use the
--   shop reports. A use is a lead action feature_use with the product's id or its type as the subject. A product is
--   reported if some customer's use of it, or of its type, is known at as_of. Cancelled and refunded orders do not
--   count, nor do lines of no quantity
-- grain: customer_id, occurrence (the product and the order), one per customer: the latest such purchase
-- parameter: days: integer, days of 24 hours, default 14, 1 to 180, how long ago the purchase is at least
-- parameter: max_age_days: integer, days of 24 hours, default 60, 2 to 365, how long ago it is at most
-- look-back: max_age_days
-- context: product_id, product_name, product_type, order_id, ordered_at, url and image_url (null = not known)
-- about: product_id
with reported as (
    select distinct l.subject
    from source.lead_action as l
    where l.acted_at <= cast(:as_of as timestamptz) and lower(l.kind) = 'feature_use' and l.subject is not null
),

usable as (
    select
        p.product_id,
        p.name,
        p.product_type,
        p.url,
        p.image_url
    from source.product as p
    where exists (select 1 from reported where reported.subject in (p.product_id, p.product_type))
)

select
    bought.customer_id,
    bought.product_id || '@' || bought.order_id as occurrence,
    bought.ordered_at as occurred_at,
    jsonb_build_object(
        'product_id', bought.product_id,
        'product_name', bought.name,
        'product_type', bought.product_type,
        'order_id', bought.order_id,
        'ordered_at', to_char(bought.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'url', bought.url,
        'image_url', bought.image_url
    ) as context
from (
    select distinct on (o.customer_id)
        o.customer_id,
        o.order_id,
        o.ordered_at,
        usable.product_id,
        usable.name,
        usable.product_type,
        usable.url,
        usable.image_url
    from source.orders as o
    inner join source.order_line as l on o.order_id = l.order_id and l.quantity > 0
    inner join usable on l.product_id = usable.product_id
    inner join source.customer as c on o.customer_id = c.customer_id
    where
        o.status = 'placed'
        and o.ordered_at <= cast(:as_of as timestamptz) - cast(:days as integer) * interval '24 hours'
        and o.ordered_at > cast(:as_of as timestamptz) - cast(:max_age_days as integer) * interval '24 hours'
        and c.erased_at is null
        and not exists (
            select 1 from source.lead_action as u
            where
                u.customer_id = o.customer_id
                and lower(u.kind) = 'feature_use'
                and u.subject in (usable.product_id, usable.product_type)
                and u.acted_at >= o.ordered_at
                and u.acted_at <= cast(:as_of as timestamptz)
        )
    order by o.customer_id asc, o.ordered_at desc, o.order_id asc, l.line_no asc
) as bought
