-- What: compute the page-view column in the activity of touched customers from their page views.
-- Grain: one row per touched customer whose row differs.
-- Parameters: none. Look-back: all page views of the touched customers, by index.
insert into source.customer_activity as activity (customer_id, last_view_at)
select
    touched.customer_id,
    max(page_view.viewed_at) as last_view_at
from touched
left join source.page_view on touched.customer_id = page_view.customer_id
group by touched.customer_id
order by touched.customer_id
on conflict (customer_id) do update
    set last_view_at = excluded.last_view_at
    where activity.last_view_at is distinct from excluded.last_view_at
