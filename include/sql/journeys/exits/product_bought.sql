-- exit: product_bought
-- what: the customer bought a product that the series is about, one that the context lists, or one that the catalogue
--   names as a complement of it or as its better model. A cancelled or refunded order does not count, nor does a line
--   of quantity 0.
-- grain: one row per order line
-- reads: series
-- look-back: since the occurrence
with named as (
    select distinct
        series.enrollment_id,
        product.product_id
    from series
    cross join (values ('product_id'), ('product_ids'), ('items'), ('complements')) as key (name)
    cross join journey.products_in(series.context, key.name) as about
    inner join source.product as own on about.product_id = own.product_id
    cross join
        lateral (
            select own.product_id
            union
            select own.upgrade_product_id
            union
            select complement.product_id
            from regexp_split_to_table(own.complements, '[;[:space:]]+') as complement (product_id)
        ) as product
)

select
    series.enrollment_id,
    'product_bought' as reason,
    orders.ordered_at as exited_at
from series
inner join source.orders on series.customer_id = orders.customer_id and series.occurred_at < orders.ordered_at
inner join source.order_line on orders.order_id = order_line.order_id
inner join named on series.enrollment_id = named.enrollment_id and order_line.product_id = named.product_id
where orders.status = 'placed' and order_line.quantity > 0
