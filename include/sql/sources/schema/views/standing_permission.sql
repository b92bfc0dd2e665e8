-- The permission that stands for each customer in the log: the one rule of consent.
--   1. A withdrawal stands, whatever a feed says before or after, until the person says otherwise
--      themself (an entry that no feed brought) at a later instant. The first that stands gives the time.
--   2. Otherwise the newest permission_at wins; at the same instant the later in the life of a permission:
--      none, pending, confirmed.
-- Grain: one row a customer with any entry. The order in which entries were recorded plays no part.
create or replace view source.standing_permission as
select distinct on (customer_id)
    customer_id,
    permission,
    permission_at
from (
    select
        customer_id,
        permission,
        permission_at,
        max(permission_at) filter (where origin <> 'feed' and permission <> 'withdrawn')
            over (partition by customer_id) as returned_at
    from source.permission_change
) as entry
where permission <> 'withdrawn' or returned_at is null or permission_at >= returned_at
order by
    customer_id asc,
    permission = 'withdrawn' desc,
    case when permission = 'withdrawn' then permission_at end asc,
    permission_at desc,
    array_position(array['none', 'pending', 'confirmed'], permission) desc;

comment on view source.standing_permission is
'The permission that stands, from the whole log of consent, one row a customer with any entry.';
comment on column source.standing_permission.customer_id is 'Whose permission.';
comment on column source.standing_permission.permission is 'What stands.';
comment on column source.standing_permission.permission_at is 'Since when.';
