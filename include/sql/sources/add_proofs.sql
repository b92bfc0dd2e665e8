-- What: add the proof that staged rows have to the entries of the feed that have none: a shop may bring it later. A row
-- without a time is about the newest such word of its customer.
-- Grain: one row per entry that gets its proof. An entry that has one keeps it.
-- Parameters: none. Look-back: the log of the customers whose rows have a proof.
with told as (
    select distinct on (staged.customer_id, staged.permission, staged.permission_at)
        staged.customer_id,
        staged.permission,
        staged.permission_at,
        staged.permission_wording,
        staged.permission_source
    from staged
    where
        staged.permission is not null
        and (staged.permission_wording is not null or staged.permission_source is not null)
    order by staged.customer_id asc, staged.permission asc, staged.permission_at asc, staged.line desc
),

meant as (
    select
        told.customer_id,
        told.permission,
        told.permission_wording,
        told.permission_source,
        coalesce(told.permission_at, max(known.permission_at)) as permission_at
    from told
    inner join source.permission_change as known
        on told.customer_id = known.customer_id and told.permission = known.permission
    where known.origin in ('feed', 'feed_resubscribing')
    group by
        told.customer_id, told.permission, told.permission_wording, told.permission_source, told.permission_at
)

update source.permission_change as entry
set
    permission_wording = meant.permission_wording,
    permission_source = meant.permission_source
from meant
where
    entry.customer_id = meant.customer_id
    and entry.permission = meant.permission
    and entry.permission_at = meant.permission_at
    and entry.origin in ('feed', 'feed_resubscribing')
    and entry.permission_wording is null
    and entry.permission_source is null
