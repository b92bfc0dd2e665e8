-- Fold listed rows to suppressions by the rules the webhook's events follow. A row that says nothing new is not
-- written, so that reading a list again changes nothing. Who came back later stays lifted. A topic counts
-- under its present name, and one that has ended or that is not known as everything.
-- grain: one row an address, scope and reason
with meant as (
    select
        listed_staging.scope,
        installation.scope_meant(listed_staging.scope) as meant_scope,
        ended_group.scope as ended_scope,
        ended_group.ended_at
    from listed_staging
    left join installation.ended_group on listed_staging.scope = ended_group.said
    group by listed_staging.scope, ended_group.scope, ended_group.ended_at
),

dated as (
    select
        listed_staging.*,
        case
            when listed_staging.listed_at <= meant.ended_at then meant.ended_scope else meant.meant_scope
        end as meant_scope
    from listed_staging
    inner join meant on listed_staging.scope = meant.scope
),

said as (
    select
        dated.address,
        dated.meant_scope as scope,
        dated.reason,
        min(dated.listed_at) as suppressed_at,
        max(dated.listed_at) as last_suppressed_at
    from dated
    group by dated.address, dated.meant_scope, dated.reason
)

insert into event.suppression as known (
    address, scope, reason, suppressed_at, source, last_suppressed_at, lifted_at
)
select
    said.address,
    said.scope,
    said.reason,
    said.suppressed_at,
    'sync' as source,
    said.last_suppressed_at,
    returned.returned_at as lifted_at
from said
left join lateral (
    select event.returned_at(said.address, said.scope) as returned_at
    where said.reason = 'unsubscribed'
) as returned on said.last_suppressed_at < returned.returned_at
on conflict (address, scope, reason) do update
    set
        suppressed_at = least(known.suppressed_at, excluded.suppressed_at),
        source = case
            when excluded.suppressed_at < known.suppressed_at then excluded.source
            else known.source
        end,
        last_suppressed_at = greatest(
            known.last_suppressed_at, known.suppressed_at, excluded.last_suppressed_at
        ),
        lifted_at = case
            when known.lifted_at > excluded.last_suppressed_at then known.lifted_at
            else excluded.lifted_at
        end
    where excluded.suppressed_at < known.suppressed_at
    or excluded.last_suppressed_at > coalesce(known.last_suppressed_at, known.suppressed_at)
