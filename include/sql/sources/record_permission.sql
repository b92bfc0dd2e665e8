-- What: write one entry to the log of permissions, at the mailbox that the customer has.
-- Grain: one row, unless the log has it.
-- Parameters: customer_id text; permission text; permission_at timestamptz; origin text.
-- Look-back: the customer's log, by index.
insert into source.permission_change (customer_id, permission, permission_at, origin, address)
select
    said.customer_id,
    cast(:permission as text) as permission,
    cast(:permission_at as timestamptz) as permission_at,
    cast(:origin as text) as origin,
    customer.address
from (values (cast(:customer_id as text))) as said (customer_id)
left join source.customer on said.customer_id = customer.customer_id
where
    not exists (
        select 1
        from source.permission_change as known
        where
            known.customer_id = said.customer_id
            and known.permission = cast(:permission as text)
            and known.permission_at = cast(:permission_at as timestamptz)
            and known.origin = cast(:origin as text)
    )
on conflict (customer_id, permission_at, permission, origin, address) do nothing
