-- What: write the withdrawals in rows that are set aside to the log of permissions, as if their rows had been loaded. A
-- withdrawal without a time counts from now. It is left out if the customer has withdrawn already.
-- Grain: one row per customer and time that the log does not have.
-- Parameters: load_id bigint; now timestamptz, the time of the load.
-- Look-back: the log of the customers concerned, by index.
insert into source.permission_change (customer_id, permission, permission_at, origin, load_id)
select
    heard.customer_id,
    heard.permission,
    coalesce(heard.permission_at, cast(:now as timestamptz)) as permission_at,
    'feed' as origin,
    cast(:load_id as bigint) as load_id
from heard
left join source.customer on heard.customer_id = customer.customer_id
where
    heard.permission = 'withdrawn'
    and (
        heard.permission_at is not null
        or case
            when customer.customer_id is not null then customer.permission <> 'withdrawn'
            else not exists (
                select 1 from source.permission_change as known
                where known.customer_id = heard.customer_id and known.permission = 'withdrawn'
            )
        end
    )
on conflict (customer_id, permission_at, permission) do nothing
