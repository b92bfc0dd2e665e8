-- What: the customers whose page views the staged file changes, before it is merged. If a view moves to another
-- customer, both are included.
-- Grain: one row per customer.
-- Parameters: none. Look-back: the stored rows of the staged keys.
create temporary table touched on commit drop as
select distinct whose.customer_id
from staged
left join source.page_view as kept on staged.view_id = kept.view_id
cross join lateral (values (staged.customer_id), (kept.customer_id)) as whose (customer_id)
where
    (staged.customer_id, staged.viewed_at) is distinct from (kept.customer_id, kept.viewed_at)
    and whose.customer_id is not null
