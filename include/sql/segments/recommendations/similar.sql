-- recommendation: similar
-- what: products of the same type as those that the mail is about, or else as the one that the customer viewed last, by
--   how near their price is, from half to twice the price.
-- grain: mail and product_id, any number of times; place: lower comes first, then the higher score
-- reads: recommendation_asked
-- parameters: as_of timestamptz; currency ISO 4217 of the mails
-- look-back: page views of 14 days
with seed as (
    select distinct
        asked.mail,
        named.product_id
    from recommendation_asked as asked
    cross join unnest(asked.product_ids) as named (product_id)
    union
    select
        asked.mail,
        viewed.product_id
    from recommendation_asked as asked
    inner join lateral (
        select page_view.product_id
        from source.page_view
        where
            page_view.customer_id = asked.customer_id
            and page_view.viewed_at <= cast(:as_of as timestamptz)
            and page_view.viewed_at > cast(:as_of as timestamptz) - interval '14 days'
            and page_view.product_id is not null
        order by page_view.viewed_at desc, page_view.view_id desc
        limit 1
    ) as viewed on true
    where cardinality(asked.product_ids) = 0
),

known as (
    select
        seed.mail,
        product.product_id,
        product.product_type,
        product.price,
        coalesce(product.currency, cast(:currency as text)) as currency
    from seed
    inner join source.product on seed.product_id = product.product_id
    where product.price > 0
)

-- From each side the nearest, so that an index of type and price gives them.
select
    known.mail,
    near.product_id,
    1 as place,
    -near.price / known.price as score,
    'similar' as why
from known
inner join lateral (
    select
        product.product_id,
        product.price
    from source.product
    where
        product.product_type = known.product_type
        and product.price >= known.price
        and product.price <= 2 * known.price
        and product.product_id <> known.product_id
        and coalesce(product.currency, cast(:currency as text)) = known.currency
        and segment.is_on_sale(
            product.price, product.available_from, product.available_until, cast(:as_of as timestamptz)
        )
    order by product.price asc, product.product_id asc
    limit 20
) as near on true
union all
select
    known.mail,
    near.product_id,
    1 as place,
    -known.price / near.price as score,
    'similar' as why
from known
inner join lateral (
    select
        product.product_id,
        product.price
    from source.product
    where
        product.product_type = known.product_type
        and product.price < known.price
        and product.price >= known.price / 2
        and product.product_id <> known.product_id
        and coalesce(product.currency, cast(:currency as text)) = known.currency
        and segment.is_on_sale(
            product.price, product.available_from, product.available_until, cast(:as_of as timestamptz)
        )
    order by product.price desc, product.product_id asc
    limit 20
) as near on true
