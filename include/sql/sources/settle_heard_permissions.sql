-- What: set the permission of customers of whom the file has a word, but no row that is loaded, to the one that stands.
-- Grain: one row per customer whose permission differs.
-- Parameters: none. Look-back: the whole log of the customers concerned, by index.
with concerned as (
    select distinct heard.customer_id
    from heard
    where not exists (select 1 from staged where staged.customer_id = heard.customer_id)
),

standing as (
    select
        standing_permission.customer_id,
        standing_permission.permission,
        standing_permission.permission_at
    from source.standing_permission
    where standing_permission.customer_id = any(array(select concerned.customer_id from concerned))
),

settled as (
    select
        concerned.customer_id,
        coalesce(standing.permission, 'none') as permission,
        standing.permission_at
    from concerned
    left join standing on concerned.customer_id = standing.customer_id
)

update source.customer
set
    permission = settled.permission,
    permission_at = settled.permission_at
from settled
where
    customer.customer_id = settled.customer_id
    and customer.erased_at is null
    and (customer.permission, customer.permission_at)
    is distinct from (settled.permission, settled.permission_at)
