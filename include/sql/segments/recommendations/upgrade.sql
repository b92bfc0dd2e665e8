-- recommendation: upgrade
-- what: the better model of the products that the mail is about, or else of those in the customer's open cart, or else
--   of the one that they viewed last: the product that the shop declared, else the next dearer ones of the same type,
--   up to twice the price.
-- grain: mail and product_id, any number of times; place: lower comes first, then the higher score
-- reads: recommendation_asked
-- parameters: as_of timestamptz; currency ISO 4217 of the mails
-- look-back: open carts; page views of 14 days
with seed as (
    select distinct
        asked.mail,
        named.product_id
    from recommendation_asked as asked
    cross join unnest(asked.product_ids) as named (product_id)
    union
    select
        asked.mail,
        carted.product_id
    from recommendation_asked as asked
    cross join unnest(asked.in_cart) as carted (product_id)
    where cardinality(asked.product_ids) = 0
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
    where cardinality(asked.product_ids) = 0 and cardinality(asked.in_cart) = 0
),

cheaper as (
    select
        seed.mail,
        product.product_type,
        product.price,
        coalesce(product.currency, cast(:currency as text)) as currency,
        better.product_id as declared
    from seed
    inner join source.product on seed.product_id = product.product_id
    left join source.product as better
        on
            product.upgrade_product_id = better.product_id
            and segment.is_on_sale(
                better.price, better.available_from, better.available_until, cast(:as_of as timestamptz)
            )
)

select
    cheaper.mail,
    cheaper.declared as product_id,
    1 as place,
    cast(0 as numeric) as score,
    'upgrade' as why
from cheaper
where cheaper.declared is not null
union all
select
    cheaper.mail,
    dearer.product_id,
    2 as place,
    -dearer.price / cheaper.price as score,
    'upgrade' as why
from cheaper
inner join lateral (
    select
        product.product_id,
        product.price
    from source.product
    where
        product.product_type = cheaper.product_type
        and product.price > cheaper.price
        and product.price <= 2 * cheaper.price
        and coalesce(product.currency, cast(:currency as text)) = cheaper.currency
        and segment.is_on_sale(
            product.price, product.available_from, product.available_until, cast(:as_of as timestamptz)
        )
    order by product.price, product.product_id
    limit 20
) as dearer on true
where cheaper.declared is null and cheaper.price > 0
