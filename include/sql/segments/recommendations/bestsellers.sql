-- recommendation: bestsellers
-- what: what sells best in the product types that the mail is about, then in its categories, then in the whole shop.
-- grain: mail and product_id, any number of times; place: lower comes first, then the higher score
-- reads: recommendation_asked
-- parameters: as_of timestamptz; currency ISO 4217 of the mails
-- look-back: orders of 180 days (segment.bestseller)
with kind as (
    select
        asked.mail,
        1 as place,
        'product_type' as kind,
        named.name
    from recommendation_asked as asked
    cross join unnest(asked.product_types) as named (name)
    union
    select
        asked.mail,
        2 as place,
        'category' as kind,
        named.name
    from recommendation_asked as asked
    cross join unnest(asked.categories) as named (name)
    union
    select
        asked.mail,
        of_product.place,
        of_product.kind,
        of_product.name
    from recommendation_asked as asked
    cross join unnest(asked.product_ids) as named (product_id)
    inner join source.product on named.product_id = product.product_id
    inner join lateral (
        values (1, 'product_type', product.product_type), (2, 'category', product.category)
    ) as of_product (place, kind, name) on true
    where of_product.name is not null
    union
    select
        asked.mail,
        3 as place,
        'all' as kind,
        '' as name
    from recommendation_asked as asked
)

select
    kind.mail,
    best.product_id,
    kind.place,
    cast(best.orders as numeric) as score,
    'bestseller' as why
from kind
inner join segment.bestseller as best on kind.kind = best.kind and kind.name = best.name
where best.currency in (cast(:currency as text), '') and best.as_of <= cast(:as_of as timestamptz)
