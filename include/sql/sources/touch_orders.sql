-- What: the customers whose orders the staged file changes, before it is merged. If an order moves to another customer,
-- both are included.
-- Grain: one row per customer.
-- Parameters: none. Look-back: the stored rows of the staged keys.
create temporary table touched on commit drop as
select distinct whose.customer_id
from staged
left join source.orders as kept on staged.order_id = kept.order_id
cross join lateral (values (staged.customer_id), (kept.customer_id)) as whose (customer_id)
where
    (staged.customer_id, staged.ordered_at, staged.status)
    is distinct from (kept.customer_id, kept.ordered_at, kept.status)
    and whose.customer_id is not null
