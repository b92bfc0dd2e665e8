-- What: the activity of every customer, computed from all facts. The kept rows must equal it at any time.
-- Grain: one row per customer with any counted order, page view, human open or click, or an answer on a page, which
-- counts as a click.
-- Parameters: none. Look-back: everything; this is for a check and a repair, never part of a load.
with fact as (
    select
        customer_id,
        ordered_at,
        cast(null as timestamptz) as viewed_at,
        cast(null as timestamptz) as opened_at,
        cast(null as timestamptz) as clicked_at
    from source.orders
    where status <> 'cancelled'
    union all
    select
        customer_id,
        null as ordered_at,
        viewed_at,
        null as opened_at,
        null as clicked_at
    from source.page_view
    union all
    select
        customer_id,
        null as ordered_at,
        null as viewed_at,
        last_open_at as opened_at,
        last_click_at as clicked_at
    from event.engagement
    where last_open_at is not null or last_click_at is not null
    union all
    select
        customer_id,
        null as ordered_at,
        null as viewed_at,
        null as opened_at,
        answered_at as clicked_at
    from event.survey_answer
)

select
    customer_id,
    min(ordered_at) as first_order_at,
    max(ordered_at) as last_order_at,
    count(ordered_at) as order_count,
    max(viewed_at) as last_view_at,
    max(opened_at) as last_open_at,
    max(clicked_at) as last_click_at
from fact
group by customer_id
