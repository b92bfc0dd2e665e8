-- exit: product_bought
-- what: the customer bought a product that the series is about, one that the context lists, or one that the catalogue
--   names as a complement of it or as its better model. A cancelled or refunded order does not count, nor does a line
--   of quantity 0.
-- grain: one row per order line: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the occurrence
select
    series.enrollment_id,
    'product_bought' as reason,
    orders.ordered_at as exited_at
from series
inner join source.orders on series.customer_id = orders.customer_id and series.occurred_at < orders.ordered_at
inner join source.order_line on orders.order_id = order_line.order_id
where
    orders.status = 'placed'
    and order_line.quantity > 0
    and exists (
        select 1
        from (values ('product_id'), ('product_ids'), ('items'), ('complements')) as key (name)
        cross join journey.products_in(series.context, key.name) as about
        inner join source.product as own on about.product_id = own.product_id
        where
            order_line.product_id in (own.product_id, own.upgrade_product_id)
            or order_line.product_id = any(regexp_split_to_array(own.complements, '[;[:space:]]+'))
    )
