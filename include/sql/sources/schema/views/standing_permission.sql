-- The permission that stands for each customer in the log: the one rule of consent.
--   1. A withdrawal that the person gave us stands until a yes of theirs at a later instant: an entry *confirmed* that
--      no feed brought, or one that another customer said at the mailbox while this one held it.
--   2. A withdrawal of the feed is lifted by that too, and by a later word of the feed. The earliest withdrawal that
--      stands gives the time.
--   3. Otherwise the newest permission_at wins; at the same instant the later in the life of a permission:
--      none, pending, confirmed.
--   4. While mailing rests (source.permission_rest), pending and confirmed count as none, unless the person said yes
--      themself since.
-- Grain: one row per customer with any entry. The order in which entries were recorded plays no part.
create or replace view source.standing_permission as
select distinct on (entry.customer_id)
    entry.customer_id,
    case when rest.customer_id is null then entry.permission else 'none' end as permission,
    case when rest.customer_id is null then entry.permission_at else rest.rested_at end as permission_at
from (
    select
        customer_id,
        permission,
        permission_at,
        origin,
        address,
        max(permission_at) filter (where origin <> 'feed' and permission = 'confirmed')
            over (partition by customer_id) as returned_at,
        max(permission_at) filter (where origin = 'feed' and permission <> 'withdrawn')
            over (partition by customer_id) as changed_at
    from source.permission_change
) as entry
left join source.permission_rest as rest
    on
        entry.customer_id = rest.customer_id
        and rest.resumed_at is null
        and entry.permission in ('pending', 'confirmed')
        and (entry.returned_at is null or entry.returned_at < rest.rested_at)
where
    entry.permission <> 'withdrawn'
    or (
        (entry.returned_at is null or entry.permission_at >= entry.returned_at)
        and (entry.origin <> 'feed' or entry.changed_at is null or entry.permission_at >= entry.changed_at)
        and not exists (
            select 1
            from source.permission_change as other
            where
                entry.origin not in ('sunset', 'erasure')
                and other.address = entry.address
                and other.customer_id <> entry.customer_id
                and other.permission = 'confirmed'
                and other.origin <> 'feed'
                and other.permission_at > entry.permission_at
                and source.holds(entry.customer_id, other.address, other.permission_at)
        )
    )
order by
    entry.customer_id asc,
    entry.permission = 'withdrawn' desc,
    case when entry.permission = 'withdrawn' then entry.permission_at end asc,
    entry.permission_at desc,
    array_position(array['none', 'pending', 'confirmed'], entry.permission) desc;

comment on view source.standing_permission is
'The permission that stands, from the whole log of consent, one row per customer with any entry.';
comment on column source.standing_permission.customer_id is 'Whose permission.';
comment on column source.standing_permission.permission is 'The permission that stands.';
comment on column source.standing_permission.permission_at is 'Since when.';
