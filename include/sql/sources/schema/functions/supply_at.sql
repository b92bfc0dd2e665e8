-- Supplies as the facts up to as_of show them.
-- Grain: one row per (customer, basis, item) with a purchase.
-- Basis `declared`: item is a product. Only its latest purchase counts. runs_out_at = ordered_at + quantity ×
-- units_per_pack / daily_use (missing units_per_pack = 1, at most 36,500 days).
-- Basis `rhythm`: item is a product type. The median of the intervals between orders of consumables of that type (3 or
-- more) replaces the supply, counted from the latest order of such a product without a daily use. The slowest delivery
-- of that order counts.
-- Both: reorder_at = runs_out_at − delivery_days. A purchase is an order, so lines of one item in one order add up.
-- Lines of quantity 0, cancelled and refunded orders do not count. Durations are computed in whole microseconds.
-- The function is written so that PostgreSQL inlines it and a condition on customer_id reaches the orders: every step
-- has the customer among its keys.
create or replace function source.supply_at(as_of timestamptz)
returns table (
    customer_id text,
    basis text,
    item text,
    order_id text,
    line_no integer,
    ordered_at timestamptz,
    quantity numeric,
    newest_at timestamptz,
    runs_out_at timestamptz,
    reorder_at timestamptz
)
language sql stable parallel safe as $$
    select
        known.customer_id,
        known.basis,
        known.item,
        known.order_id,
        known.line_no,
        known.ordered_at,
        known.quantity,
        known.newest_at,
        known.ordered_at + known.microseconds * interval '1 microsecond' as runs_out_at,
        known.ordered_at + known.microseconds * interval '1 microsecond'
        - cast(round(86400000000 * known.delivery_days) as double precision) * interval '1 microsecond' as reorder_at
    from (
        select
            step.customer_id,
            step.basis,
            step.item,
            max(step.order_id) filter (where step.is_latest) as order_id,
            max(step.line_no) filter (where step.is_latest) as line_no,
            max(step.ordered_at) filter (where step.is_latest) as ordered_at,
            max(step.quantity) filter (where step.is_latest) as quantity,
            max(step.delivery_days) filter (where step.is_latest) as delivery_days,
            max(step.ordered_at) as newest_at,
            case step.basis
                when 'declared' then cast(round(86400000000 * least(
                    max(step.quantity * step.days) filter (where step.is_latest), 36500
                )) as double precision)
                else round(1000000 * percentile_cont(0.5) within group (order by step.seconds_since))
            end as microseconds
        from (
            select
                purchase.*,
                purchase.counts
                and count(*) filter (where purchase.counts) over newest_first = 1 as is_latest,
                case when purchase.basis = 'rhythm' then date_part(
                    'epoch', purchase.ordered_at - lead(purchase.ordered_at) over newest_first
                ) end as seconds_since
            from (
                select
                    orders.customer_id,
                    way.basis,
                    way.item,
                    orders.order_id,
                    orders.ordered_at,
                    bool_or(way.counts) as counts,
                    min(order_line.line_no) filter (where way.counts) as line_no,
                    sum(order_line.quantity) filter (where way.counts) as quantity,
                    max(way.delivery_days) filter (where way.counts) as delivery_days,
                    max(way.days) as days
                from source.orders
                inner join source.order_line on orders.order_id = order_line.order_id
                inner join (
                    select
                        product.product_id,
                        'declared' as basis,
                        product.product_id as item,
                        true as counts,
                        coalesce(nullif(product.units_per_pack, 0), 1) / product.daily_use as days,
                        coalesce(product.delivery_days, 0) as delivery_days
                    from source.product
                    where product.is_consumable and product.daily_use <> 0
                    union all
                    select
                        product.product_id,
                        'rhythm' as basis,
                        product.product_type as item,
                        coalesce(product.daily_use, 0) = 0 as counts,
                        null as days,
                        coalesce(product.delivery_days, 0) as delivery_days
                    from source.product
                    where
                        product.is_consumable
                        and product.product_type in (
                            select relative.product_type from source.product as relative
                            where relative.is_consumable and coalesce(relative.daily_use, 0) = 0
                        )
                ) as way on order_line.product_id = way.product_id
                where
                    orders.ordered_at <= supply_at.as_of
                    and orders.status = 'placed'
                    and order_line.quantity > 0
                group by orders.customer_id, way.basis, way.item, orders.order_id, orders.ordered_at
            ) as purchase
            window newest_first as (
                partition by purchase.customer_id, purchase.basis, purchase.item
                order by purchase.ordered_at desc, purchase.order_id desc
            )
        ) as step
        group by step.customer_id, step.basis, step.item
        having bool_or(step.counts) and (step.basis = 'declared' or count(*) >= 3)
    ) as known
$$;
