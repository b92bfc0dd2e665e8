-- What sells best: the products in the most baskets, of the whole shop, per category and per product type, in each
-- currency. Without products that are gone or cost nothing at as_of.
-- grain: kind, name, currency, place
-- as_of timestamptz; best_places per kind and name
-- counted_products: the counts
-- look-back: that of the counts
with sold as (
    select
        counted.product_id,
        counted.orders,
        product.category,
        product.product_type,
        coalesce(product.currency, '') as currency
    from counted_products as counted
    inner join source.product on counted.product_id = product.product_id
    where
        segment.is_on_sale(
            product.price, product.available_from, product.available_until, cast(:as_of as timestamptz)
        )
),

kind as (
    select
        'all' as kind,
        '' as name,
        sold.currency,
        sold.product_id,
        sold.orders
    from sold
    union all
    select
        'category' as kind,
        sold.category as name,
        sold.currency,
        sold.product_id,
        sold.orders
    from sold
    where sold.category is not null
    union all
    select
        'product_type' as kind,
        sold.product_type as name,
        sold.currency,
        sold.product_id,
        sold.orders
    from sold
    where sold.product_type is not null
),

placed as (
    select
        kind.*,
        row_number() over (
            partition by kind.kind, kind.name, kind.currency
            order by kind.orders desc, kind.product_id collate "C" asc  -- noqa: RF03
        ) as place
    from kind
)

select
    placed.kind,
    placed.name,
    placed.currency,
    cast(placed.place as integer) as place,
    placed.product_id,
    placed.orders
from placed
where placed.place <= cast(:best_places as integer)
