-- How many orders customers had placed by `as_of`, and the first and the last of them. A cancelled order does not
-- count, a refunded one does.
-- grain: one row per customer with any such order. PostgreSQL inlines the function, and a condition on customer_id
--   reaches the tables
-- look-back: all orders. If the last order of the activity row is not after as_of, the row has all of them. Otherwise,
--   and if there is no row, the customer's orders are looked up by index
create or replace function segment.orders_at(as_of timestamptz)
returns table (customer_id text, orders bigint, first_order_at timestamptz, last_order_at timestamptz)
language sql stable parallel safe as $$
    select
        c.customer_id,
        case when kept.decides then a.order_count else looked_up.orders end as orders,
        case when kept.decides then a.first_order_at else looked_up.first_order_at end as first_order_at,
        case when kept.decides then a.last_order_at else looked_up.last_order_at end as last_order_at
    from source.customer as c
    left join source.customer_activity as a on c.customer_id = a.customer_id
    cross join lateral (
        select a.customer_id is not null and coalesce(a.last_order_at <= orders_at.as_of, true) as decides
    ) as kept
    -- The condition stands inside, so that nothing is looked up for a customer whose row decides.
    cross join lateral (
        select
            count(*) as orders,
            min(o.ordered_at) as first_order_at,
            max(o.ordered_at) as last_order_at
        from source.orders as o
        where
            not kept.decides
            and o.customer_id = c.customer_id
            and o.ordered_at <= orders_at.as_of
            and o.status <> 'cancelled'
    ) as looked_up
    where case when kept.decides then a.order_count else looked_up.orders end > 0
$$;
