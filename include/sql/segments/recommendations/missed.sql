-- recommendation: missed
-- what: what the shop began to sell since the customer's last visit or order (the 50 newest products), the newest
--   first, then what sells best of what they never had.
-- grain: mail and product_id, any number of times; place: lower comes first, then the higher score
-- reads: recommendation_asked
-- parameters: as_of timestamptz; currency ISO 4217 of the mails
-- look-back: the customer's last visit or order; orders of 180 days (segment.bestseller)
with new_product as materialized (
    select
        product.product_id,
        product.available_from
    from source.product
    where
        product.available_from <= cast(:as_of as timestamptz)
        and coalesce(product.currency, cast(:currency as text)) = cast(:currency as text)
        and segment.is_on_sale(
            product.price, product.available_from, product.available_until, cast(:as_of as timestamptz)
        )
    order by product.available_from desc, product.product_id asc
    limit 50
),

absent as (
    select
        asked.mail,
        greatest(
            (
                select max(page_view.viewed_at)
                from source.page_view
                where
                    page_view.customer_id = asked.customer_id
                    and page_view.viewed_at <= cast(:as_of as timestamptz)
            ),
            (
                select max(orders.ordered_at)
                from source.orders
                where
                    orders.customer_id = asked.customer_id
                    and orders.ordered_at <= cast(:as_of as timestamptz)
                    and orders.status <> 'cancelled'
            )
        ) as last_seen_at
    from recommendation_asked as asked
)

select
    absent.mail,
    new_product.product_id,
    1 as place,
    cast(extract(epoch from new_product.available_from) as numeric) as score,
    'new' as why
from absent
inner join new_product on absent.last_seen_at < new_product.available_from
union all
select
    asked.mail,
    best.product_id,
    2 as place,
    cast(best.orders as numeric) as score,
    'bestseller' as why
from recommendation_asked as asked
inner join segment.bestseller as best
    on best.kind = 'all' and best.currency in (cast(:currency as text), '')
where best.product_id <> all(asked.bought) and best.as_of <= cast(:as_of as timestamptz)
