-- What: write the news of this file to the log of permissions.
-- Grain: one row per customer, permission, time and mailbox that the log does not have.
-- Parameters: load_id bigint.
-- Look-back: none.
insert into source.permission_change (
    customer_id, permission, permission_at, origin, load_id, address, permission_wording, permission_source
)
select
    news.customer_id,
    news.permission,
    news.permission_at,
    news.origin,
    cast(:load_id as bigint) as load_id,
    news.address,
    news.permission_wording,
    news.permission_source
from news
where
    not exists (
        select 1
        from source.permission_change as known
        where
            known.customer_id = news.customer_id
            and known.permission = news.permission
            and known.permission_at = news.permission_at
            and known.origin = news.origin
            and (news.customer_id <> '' or known.address = news.address)
    )
on conflict (customer_id, permission_at, permission, origin, address) do nothing
