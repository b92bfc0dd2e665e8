-- The permission that stands for each customer at a moment, by the words up to it: the one rule of consent.
--   1. A withdrawal that the person gave us stands until a yes of theirs at a later instant: an entry *confirmed* that
--      no feed brought, or one that another customer said at the mailbox while this one held it. An operator's lift at
--      the mailbox, while this customer held it, ends it too: an entry *lifted* of the customer. It permits nothing.
--   2. A withdrawal of the feed is lifted by that too, and by a later word of the feed. The earliest withdrawal that
--      stands gives the time.
--   3. Otherwise the newest permission_at wins; at the same instant the later in the life of a permission:
--      none, pending, confirmed. If there is nothing but lifts, it is none.
--   4. If mailing rests (source.permission_rest), pending and confirmed count as none, unless the person said yes
--      themself since: rested_at says so.
-- Grain: one row per customer with any entry. The order in which entries were recorded plays no part.
-- PostgreSQL inlines the function, and a condition on customer_id reaches the log: every step has the customer among
-- its keys.
create or replace function source.standing_permission_at(as_of timestamptz)
returns table (customer_id text, permission text, permission_at timestamptz, origin text, rested_at timestamptz)
language sql stable parallel safe as $$
    select distinct on (entry.customer_id)
        entry.customer_id,
        case when entry.permission = 'lifted' then 'none' else entry.permission end as permission,
        entry.permission_at,
        entry.origin,
        rest.rested_at
    from (
        select
            permission_change.customer_id,
            permission_change.permission,
            permission_change.permission_at,
            permission_change.origin,
            permission_change.address,
            max(permission_change.permission_at)
            filter (where permission_change.origin <> 'feed' and permission_change.permission = 'confirmed')
                over (partition by permission_change.customer_id) as returned_at,
            max(permission_change.permission_at)
            filter (where permission_change.origin = 'feed' and permission_change.permission <> 'withdrawn')
                over (partition by permission_change.customer_id) as changed_at
        from source.permission_change
        where permission_change.permission_at <= standing_permission_at.as_of
    ) as entry
    left join source.permission_rest as rest
        on
            entry.customer_id = rest.customer_id
            and rest.rested_at <= standing_permission_at.as_of
            and (rest.resumed_at is null or rest.resumed_at > standing_permission_at.as_of)
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
                    and other.permission_at <= standing_permission_at.as_of
                    and source.holds(entry.customer_id, other.address, other.permission_at)
            )
            and not exists (
                select 1
                from source.permission_change as lift
                where
                    entry.origin <> 'erasure'
                    and lift.customer_id = entry.customer_id
                    and lift.permission = 'lifted'
                    and lift.address = entry.address
                    and lift.permission_at > entry.permission_at
                    and lift.permission_at <= standing_permission_at.as_of
            )
        )
    order by
        entry.customer_id asc,
        entry.permission = 'withdrawn' desc,
        entry.permission = 'lifted' asc,
        case when entry.permission = 'withdrawn' then entry.permission_at end asc,
        entry.permission_at desc,
        array_position(array['none', 'pending', 'confirmed'], entry.permission) desc
$$;
