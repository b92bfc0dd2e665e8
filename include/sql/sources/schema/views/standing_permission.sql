-- The permission that stands for each customer in the log: the one rule of consent.
--   1. A withdrawal stands, whatever a feed says before or after, until the person says otherwise
--      themselves (an entry that no feed brought) at a later instant. The first withdrawal that stands gives the time.
--   2. Otherwise the newest permission_at wins. At the same instant the one that comes later in the life of a
--      permission wins: none, pending, confirmed.
--   3. While mailing rests (source.permission_rest), pending and confirmed count as none, unless the person has
--      said otherwise themselves since then.
-- Grain: one row per customer with any entry. The order in which entries were recorded does not matter.
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
        max(permission_at) filter (where origin <> 'feed' and permission <> 'withdrawn')
            over (partition by customer_id) as returned_at
    from source.permission_change
) as entry
left join source.permission_rest as rest
    on
        entry.customer_id = rest.customer_id
        and rest.resumed_at is null
        and entry.permission in ('pending', 'confirmed')
        and (entry.returned_at is null or entry.returned_at < rest.rested_at)
where entry.permission <> 'withdrawn' or entry.returned_at is null or entry.permission_at >= entry.returned_at
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
