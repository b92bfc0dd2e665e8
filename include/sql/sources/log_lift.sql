-- What: write an operator's yes at a mailbox to the log of permissions.
-- Grain: one row per customer who has the mailbox; if there is none, one without a customer.
-- Parameters: address text, as compared; now timestamptz. Look-back: none.
insert into source.permission_change (customer_id, permission, permission_at, origin, address)
select
    holder.customer_id,
    'lifted' as permission,
    cast(:now as timestamptz) as permission_at,
    'operator' as origin,
    cast(:address as text) as address
from (
    select customer.customer_id
    from source.customer
    where customer.address = cast(:address as text) and customer.erased_at is null
    union all
    select '' as customer_id
    where
        not exists (
            select 1 from source.customer where customer.address = cast(:address as text) and customer.erased_at is null
        )
) as holder
on conflict (customer_id, permission_at, permission, origin, address) do nothing
returning permission_change.customer_id
