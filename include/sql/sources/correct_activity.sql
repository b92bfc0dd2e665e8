-- What: set activity rows that differ from the full recompute (temporary table activity_full) to its values.
-- Grain: one row per customer whose row was wrong or missing.
-- Parameters: none. Look-back: none.
insert into source.customer_activity as activity (
    customer_id, first_order_at, last_order_at, order_count, last_view_at, last_open_at, last_click_at
)
select
    customer_id,
    first_order_at,
    last_order_at,
    order_count,
    last_view_at,
    last_open_at,
    last_click_at
from activity_full
order by customer_id
on conflict (customer_id) do update
    set
        first_order_at = excluded.first_order_at,
        last_order_at = excluded.last_order_at,
        order_count = excluded.order_count,
        last_view_at = excluded.last_view_at,
        last_open_at = excluded.last_open_at,
        last_click_at = excluded.last_click_at
    where
    (
        activity.first_order_at, activity.last_order_at, activity.order_count,
        activity.last_view_at, activity.last_open_at, activity.last_click_at
    )
    is distinct from (
        excluded.first_order_at, excluded.last_order_at, excluded.order_count,
        excluded.last_view_at, excluded.last_open_at, excluded.last_click_at
    )
