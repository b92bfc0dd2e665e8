-- What was in force for these customers just after each turn: what stood as their permission, whether mailing rested,
-- for what reason their mailbox was suppressed for all mail, whether they were erased. Gone with the transaction.
-- grain: one row per customer and moment
create temporary table kpi_standing on commit drop as
select
    turn.customer_id,
    turn.turned_at,
    person.erased_at <= turn.turned_at as is_erased,
    said.permission,
    said.origin,
    rest.is_resting,
    block.reason
from kpi_turn as turn
inner join kpi_person as person on turn.customer_id = person.customer_id and not person.is_settled
left join lateral (
    select true as is_resting
    from source.permission_rest
    where
        permission_rest.customer_id = turn.customer_id
        and permission_rest.rested_at <= turn.turned_at
        and (permission_rest.resumed_at is null or permission_rest.resumed_at > turn.turned_at)
        and not exists (
            select 1
            from source.permission_change
            where
                permission_change.customer_id = turn.customer_id
                and permission_change.origin <> 'feed'
                and permission_change.permission = 'confirmed'
                and permission_change.permission_at >= permission_rest.rested_at
                and permission_change.permission_at <= turn.turned_at
        )
    limit 1
) as rest on true
left join lateral (
    -- The rule of source.standing_permission, at the time of the turn.
    select
        entry.permission,
        entry.origin
    from (
        select
            permission_change.permission,
            permission_change.permission_at,
            permission_change.origin,
            permission_change.address,
            max(permission_change.permission_at)
            filter (
                where permission_change.origin <> 'feed' and permission_change.permission = 'confirmed'
            )
                over () as returned_at,
            max(permission_change.permission_at)
            filter (
                where permission_change.origin = 'feed' and permission_change.permission <> 'withdrawn'
            )
                over () as changed_at
        from source.permission_change
        where
            permission_change.customer_id = turn.customer_id
            and permission_change.permission_at <= turn.turned_at
    ) as entry
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
                    and other.customer_id <> turn.customer_id
                    and other.permission = 'confirmed'
                    and other.origin <> 'feed'
                    and other.permission_at > entry.permission_at
                    and other.permission_at <= turn.turned_at
                    and source.holds(turn.customer_id, other.address, other.permission_at)
            )
        )
    order by
        entry.permission = 'withdrawn' desc,
        case when entry.permission = 'withdrawn' then entry.permission_at end asc,
        entry.permission_at desc,
        array_position(array['none', 'pending', 'confirmed'], entry.permission) desc
    limit 1
) as said on true
left join kpi_blocked as block on turn.customer_id = block.customer_id and turn.turned_at = block.turned_at
