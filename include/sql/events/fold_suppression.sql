-- Fold what was said in the step's new events to suppressions: since when, said last when, and lifted since.
-- grain: one row an address, scope and reason
-- batch_id bigint
with folded as (
    select
        event_said.address,
        event_said.scope,
        event_said.reason,
        min(event_said.said_at) as suppressed_at,
        max(event_said.said_at) as last_suppressed_at,
        (array_agg(event_said.source order by event_said.said_at, event_said.source))[1] as source
    from event_said
    where event_said.kind = 'no' and event_said.address is not null
    group by event_said.address, event_said.scope, event_said.reason
)

insert into event.suppression as known (
    address, scope, reason, suppressed_at, source, last_suppressed_at, batch_id
)
select
    folded.address,
    folded.scope,
    folded.reason,
    folded.suppressed_at,
    folded.source,
    folded.last_suppressed_at,
    cast(:batch_id as bigint) as batch_id
from folded
on conflict (address, scope, reason) do update
    set
        suppressed_at = least(known.suppressed_at, excluded.suppressed_at),
        source = case
            when excluded.suppressed_at < known.suppressed_at then excluded.source
            when
                excluded.suppressed_at = known.suppressed_at
                then least(excluded.source, known.source)
            else known.source
        end,
        last_suppressed_at = greatest(
            known.last_suppressed_at, known.suppressed_at, excluded.last_suppressed_at
        ),
        lifted_at = case
            when known.lifted_at > excluded.last_suppressed_at then known.lifted_at
        end,
        batch_id = excluded.batch_id
