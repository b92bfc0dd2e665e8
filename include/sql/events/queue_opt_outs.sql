-- Queue opt-outs that the provider is not known to hold, or that were said again later.
-- grain: one row per address and group
-- groups jsonb: [{scope, group_id}], group 0 = the global list; now timestamptz
insert into event.provider_suppression as known (address, group_id, said_at, requested_at)
select
    opt_out.address,
    pushable.group_id,
    max(opt_out.said_at) as said_at,
    cast(:now as timestamptz) as requested_at
from jsonb_to_recordset(cast(:groups as jsonb)) as pushable (scope text, group_id bigint)
inner join event.opt_out on pushable.scope = opt_out.scope
group by opt_out.address, pushable.group_id
on conflict (address, group_id) do update
    set
        said_at = excluded.said_at,
        requested_at = coalesce(known.requested_at, excluded.requested_at),
        pushed_at = null,
        refused_at = null
    where known.said_at < excluded.said_at
