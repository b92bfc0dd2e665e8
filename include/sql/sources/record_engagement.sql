-- What: update the activity of customers with the newer human opens and clicks that an ingest brought.
-- Grain: one row per customer with a newer open or click.
-- Parameters: batch_id bigint, the ingest.
-- Look-back: the engagement rows that the ingest wrote.
with news as (
    select
        customer_id,
        max(last_open_at) as last_open_at,
        max(last_click_at) as last_click_at
    from event.engagement
    where
        batch_id = cast(:batch_id as bigint)
        and (last_open_at is not null or last_click_at is not null)
    group by customer_id
)

insert into source.customer_activity as activity (customer_id, last_open_at, last_click_at)
select
    customer_id,
    last_open_at,
    last_click_at
from news
order by customer_id
on conflict (customer_id) do update
    set
        last_open_at = greatest(activity.last_open_at, excluded.last_open_at),
        last_click_at = greatest(activity.last_click_at, excluded.last_click_at)
    where
    (activity.last_open_at, activity.last_click_at) is distinct from (
        greatest(activity.last_open_at, excluded.last_open_at),
        greatest(activity.last_click_at, excluded.last_click_at)
    )
