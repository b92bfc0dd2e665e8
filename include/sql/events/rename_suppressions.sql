-- Move opt-outs from former names of topics to present ones. If a person left both, they become one row.
-- The later word counts, so a return counts only if it is later than every opt-out.
-- grain: one row per address, scope and reason
-- former, present text[] side by side: scopes, 'topic:<name>' or 'group:<number>'
with moved as (
    delete from event.suppression
    using unnest(cast(:former as text[]), cast(:present as text[])) as named (former, present)
    where suppression.scope = named.former
    returning
        suppression.address,
        named.present as scope,
        suppression.reason,
        suppression.suppressed_at,
        coalesce(suppression.last_suppressed_at, suppression.suppressed_at) as last_suppressed_at,
        suppression.source,
        suppression.lifted_at,
        suppression.batch_id
),

merged as (
    select
        moved.address,
        moved.scope,
        moved.reason,
        min(moved.suppressed_at) as suppressed_at,
        (array_agg(moved.source order by moved.suppressed_at, moved.source))[1] as source,
        max(moved.last_suppressed_at) as last_suppressed_at,
        case
            when max(moved.lifted_at) > max(moved.last_suppressed_at) then max(moved.lifted_at)
        end as lifted_at,
        max(moved.batch_id) as batch_id
    from moved
    group by moved.address, moved.scope, moved.reason
)

insert into event.suppression as known (
    address, scope, reason, suppressed_at, source, last_suppressed_at, lifted_at, batch_id
)
select
    merged.address,
    merged.scope,
    merged.reason,
    merged.suppressed_at,
    merged.source,
    merged.last_suppressed_at,
    merged.lifted_at,
    merged.batch_id
from merged
on conflict (address, scope, reason) do update
    set
        suppressed_at = least(known.suppressed_at, excluded.suppressed_at),
        source = case
            when excluded.suppressed_at < known.suppressed_at then excluded.source
            else known.source
        end,
        last_suppressed_at = greatest(known.last_suppressed_at, known.suppressed_at, excluded.last_suppressed_at),
        lifted_at = case
            when
                greatest(known.lifted_at, excluded.lifted_at)
                > greatest(known.last_suppressed_at, known.suppressed_at, excluded.last_suppressed_at)
                then greatest(known.lifted_at, excluded.lifted_at)
        end,
        batch_id = greatest(known.batch_id, excluded.batch_id)
