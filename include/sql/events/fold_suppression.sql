-- Fold the step's new events into suppressions: since when, when last said, and whether lifted since then. An event
-- without an address comes from our own unsubscribe page, and names the person by the message. A topic counts under its
-- present name. Leaving a topic that has ended or is unknown means leaving all mail. A group that no topic has is a
-- scope of its own (installation.scope_meant).
-- grain: one row per address, scope and reason
-- batch_id bigint
with meant as materialized (
    select
        said.scope,
        installation.scope_meant(said.scope) as meant_scope,
        ended_group.scope as ended_scope,
        ended_group.ended_at
    from (select distinct staged.scope from event_staging as staged where staged.suppression is not null) as said
    left join installation.ended_group on said.scope = ended_group.said
),

leave as (
    select
        coalesce(staged.address, ours.address) as address,
        case when staged.occurred_at <= meant.ended_at then meant.ended_scope else meant.meant_scope end as scope,
        staged.suppression as reason,
        staged.event as source,
        staged.occurred_at
    from event_staging as staged
    inner join meant on staged.scope = meant.scope
    left join lateral (
        select customer.address
        from message.message
        inner join source.customer on message.customer_id = customer.customer_id
        where
            staged.address is null
            and message.enrollment_id = message.enrollment_of(staged.message_id)
            and message.message_id = staged.message_id
        -- Keeps this an index probe for each of the few events without an address, however many messages there are.
        offset 0
    ) as ours on true
    where staged.suppression is not null
),

folded as (
    select
        leave.address,
        leave.scope,
        leave.reason,
        min(leave.occurred_at) as suppressed_at,
        max(leave.occurred_at) as last_suppressed_at,
        (array_agg(leave.source order by leave.occurred_at, leave.source))[1] as source
    from leave
    where leave.address is not null
    group by leave.address, leave.scope, leave.reason
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
