-- What: the activity of every customer, from all facts: what the kept rows must equal at any time.
-- Grain: one row a customer with any counted order, page view, human open or click.
-- Parameters: none. Look-back: everything; a check and a repair, never part of a load.
with ordered as (
    select
        customer_id,
        min(ordered_at) as first_order_at,
        max(ordered_at) as last_order_at,
        count(*) as order_count
    from source.orders
    where status <> 'cancelled'
    group by customer_id
),

viewed as (
    select
        customer_id,
        max(viewed_at) as last_view_at
    from source.page_view
    group by customer_id
),

engaged as (
    select
        customer_id,
        max(last_open_at) as last_open_at,
        max(last_click_at) as last_click_at
    from event.engagement
    where last_open_at is not null or last_click_at is not null
    group by customer_id
)

select
    customer_id,
    ordered.first_order_at,
    ordered.last_order_at,
    coalesce(ordered.order_count, 0) as order_count,
    viewed.last_view_at,
    engaged.last_open_at,
    engaged.last_click_at
from ordered
full outer join viewed using (customer_id)
full outer join engaged using (customer_id)
