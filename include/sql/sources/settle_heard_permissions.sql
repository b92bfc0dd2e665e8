-- What: bring customers of whom the file has a word, and no row that is loaded, to the permission that stands; and
-- those at a mailbox at which it says a yes that counts as the person's own.
-- Grain: one row per customer whose permission is another.
-- Parameters: none. Look-back: the whole log of the customers concerned, by index.
with concerned as (
    select concerning.customer_id
    from (
        select heard.customer_id
        from heard
        union
        select customer.customer_id
        from news
        inner join source.customer on news.address = customer.address
        where news.origin = 'feed_resubscribing'
    ) as concerning
    where not exists (select 1 from staged where staged.customer_id = concerning.customer_id)
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
